// What the GPU does for one pixel. Also compiled for the CPU, where tests hold it against the steps one by
// one (ops/augment_reference.h): the positions are those of every kernel, the colours are fp32 throughout.
#pragma once

#include "src/ops/augment_position.h"
#include "src/ops/augment_reference.h"

namespace athanor {

// A PictureChange as the GPU takes it.
struct PixelChange {
  FixedMap map;
  float brightness, contrast, saturation;
  float hue_turns;  // [0,1]
  bool mirrored;
  int32_t blur_radius;
  float blur_weights[2 * kLargestBlurRadius + 1];
};

struct Colour {
  float rgb[3];
};

ATHANOR_BOTH inline float clamp_unit(float x) { return x < 0 ? 0 : x > 1 ? 1 : x; }
ATHANOR_BOTH inline int32_t clamp_index(int32_t i, int32_t size) {
  return i < 0 ? 0 : i >= size ? size - 1 : i;
}
ATHANOR_BOTH inline float grey_of_colour(const Colour& c) {
  return 0.2989F * c.rgb[0] + 0.587F * c.rgb[1] + 0.114F * c.rgb[2];
}

// The pixel (x,y) of a plane, or what the border puts there.
ATHANOR_BOTH inline uint8_t pixel_at(const uint8_t* plane, int32_t height, int32_t width, int32_t x,
                                     int32_t y, Border border, uint8_t fill) {
  const bool inside = x >= 0 && x < width && y >= 0 && y < height;
  if (!inside && border == Border::kConstant) return fill;
  return plane[static_cast<int64_t>(clamp_index(y, height)) * width + clamp_index(x, width)];
}

struct PixelPlace {
  int32_t x, y;  // in 2^-15 pixels
};
ATHANOR_BOTH inline PixelPlace place_of(const FixedMap& map, int64_t x, int64_t y, const AugmentShape& shape,
                                        Border border) {
  const bool reflect = border == Border::kReflect;
  return {position(map.xx * x + map.xy * y + map.x0, static_cast<int32_t>(shape.width), reflect),
          position(map.yx * x + map.yy * y + map.y0, static_cast<int32_t>(shape.height), reflect)};
}

// Bilinear, of image [3,H,W]; [0,1].
ATHANOR_BOTH inline Colour warped_colour(const uint8_t* image, const AugmentShape& shape, PixelPlace place,
                                         const AugmentRule& rule) {
  const auto height = static_cast<int32_t>(shape.height), width = static_cast<int32_t>(shape.width);
  const int32_t left = place.x >> kPositionBits, top = place.y >> kPositionBits;
  const float right_part = static_cast<float>(place.x & (kOnePixel - 1)) / kOnePixel;
  const float lower_part = static_cast<float>(place.y & (kOnePixel - 1)) / kOnePixel;
  Colour out;
  for (int c = 0; c < 3; ++c) {
    const uint8_t* plane = image + c * shape.height * shape.width;
    float rows[2];
    for (int32_t dy = 0; dy < 2; ++dy) {
      const float a = pixel_at(plane, height, width, left, top + dy, rule.border, rule.fill[c]);
      const float b = pixel_at(plane, height, width, left + 1, top + dy, rule.border, rule.fill[c]);
      rows[dy] = a + (b - a) * right_part;
    }
    out.rgb[c] = (rows[0] + (rows[1] - rows[0]) * lower_part) / 255;
  }
  return out;
}

// Nearest, halves upwards, of mask [H,W]; as it is called in the mirror where the picture is mirrored.
ATHANOR_BOTH inline uint8_t warped_class(const uint8_t* mask, const AugmentShape& shape, PixelPlace place,
                                         const AugmentRule& rule, bool is_mirrored) {
  const uint8_t id = pixel_at(mask, static_cast<int32_t>(shape.height), static_cast<int32_t>(shape.width),
                              (place.x + kOnePixel / 2) >> kPositionBits,
                              (place.y + kOnePixel / 2) >> kPositionBits, rule.border, rule.mask_fill);
  return is_mirrored && rule.class_mirror != nullptr ? rule.class_mirror[id] : id;
}

ATHANOR_BOTH inline Colour turned_hue(const Colour& in, float turns) {
  const float red = in.rgb[0], green = in.rgb[1], blue = in.rgb[2];
  float value = red > green ? red : green, least = red < green ? red : green;
  value = value > blue ? value : blue;
  least = least < blue ? least : blue;
  const float chroma = value - least;
  if (chroma == 0) return in;
  float hue = value == red     ? (green - blue) / chroma
              : value == green ? (blue - red) / chroma + 2
                               : (red - green) / chroma + 4;
  hue += turns * 6;
  Colour out;
  for (int c = 0; c < 3; ++c) {  // each channel falls and rises once around the circle
    float at = hue + static_cast<float>(5 - 2 * c);
    while (at >= 6) at -= 6;
    out.rgb[c] = value - chroma * clamp_unit(at < 4 - at ? at : 4 - at);
  }
  return out;
}

ATHANOR_BOTH inline Colour brightened(Colour colour, float factor) {
  for (float& x : colour.rgb) x = clamp_unit(x * factor);
  return colour;
}

// Contrast about the picture's mean grey, saturation, hue and normalisation.
ATHANOR_BOTH inline Colour finished(Colour colour, const PixelChange& change, float mean_grey,
                                    const AugmentRule& rule) {
  if (change.contrast != 1)
    for (float& x : colour.rgb) x = clamp_unit(mean_grey + (x - mean_grey) * change.contrast);
  if (change.saturation != 1) {
    const float grey = grey_of_colour(colour);
    for (float& x : colour.rgb) x = clamp_unit(grey + (x - grey) * change.saturation);
  }
  if (change.hue_turns != 0) colour = turned_hue(colour, change.hue_turns);
  for (int c = 0; c < 3; ++c) colour.rgb[c] = (colour.rgb[c] - rule.mean[c]) / rule.std[c];
  return colour;
}

// On the CPU, before the changes are sent.
inline PixelChange pixel_change(const PictureChange& change) {
  PixelChange out{};
  out.map = fixed_map(change.map);
  out.brightness = change.brightness;
  out.contrast = change.contrast;
  out.saturation = change.saturation;
  out.hue_turns = change.hue_turns - std::floor(change.hue_turns);
  out.mirrored = change.mirrored;
  if (change.blur_sigma_px <= 0) return out;
  const std::vector<float> weights = blur_weights(change.blur_sigma_px);
  out.blur_radius = static_cast<int32_t>(weights.size() / 2);
  for (size_t i = 0; i < weights.size(); ++i) out.blur_weights[i] = weights[i];
  return out;
}

}  // namespace athanor
