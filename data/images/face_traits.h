// What makes one made face differ from another, drawn from its seed. Lengths in half face heights, angles in
// radians, colours 0 to 1.
#pragma once

#include <cstdint>

#include "data/images/canvas.h"

namespace athanor {

enum class Hair { kBald, kShort, kMedium, kLong, kCurly };
enum class Backdrop { kGradient, kBlobs, kStripes, kLights };

struct FaceTraits {
  // Pose and place; parts of the picture.
  double centre_x, centre_y, scale, roll, yaw;
  // Light.
  double light_u, light_v, light_depth, ambient;
  double exposure, vignette, noise;
  Colour tint;
  // Head.
  Colour skin, lips, iris;
  double width, jaw, blush, beard, ear_size, neck_width;
  double eye_v, eye_distance, eye_width, eye_open, eye_tilt, gaze;
  double brow_gap, brow_width, brow_thickness, brow_arch, brow_tilt;
  Colour brow_colour;
  double nose_v, nose_width;
  double mouth_v, mouth_width, mouth_open, upper_lip, lower_lip, smile;
  bool teeth;
  // Hair.
  Hair hair;
  Colour hair_colour;
  double hair_volume, hairline_v, temple, parting;
  bool covers_ears;
  // Dress.
  bool glasses, hat, necklace;
  int earrings;  // bit 0 the left one, bit 1 the right one
  double earring_size, earring_length;
  double lens_height, lens_power, lens_opacity;
  Colour lens, frame_colour, jewel, metal;
  double hat_v, hat_height, hat_power, brim_width;
  Colour hat_colour, hat_band;
  double shoulder_v, neckline_depth, stripe_angle;
  bool v_neck, stripes;
  Colour cloth_colour, stripe_colour;
  // Behind.
  Backdrop backdrop;
  Colour back_a, back_b;
  double back_angle, back_grain;
  uint64_t texture;  // seed of all noise

  Frame head(int64_t size_px) const;
  Frame body(int64_t size_px) const;
  double light_level(double facing) const { return ambient + (1 - ambient) * std::clamp(facing, 0.0, 1.3); }
  Colour background_at(double x, double y) const;  // x and y in [0,1]
};

FaceTraits draw_traits(uint64_t seed);

}  // namespace athanor
