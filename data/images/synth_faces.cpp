// A face is drawn back to front: background, hair behind, neck, cloth, ears, skin, features, hair in front,
// dress. Face coordinates: the origin is the middle of the face, one unit is half its height, u to the right,
// v down.
#include "data/images/synth_faces.h"

#include <cmath>

#include "data/images/canvas.h"
#include "data/images/face_classes.h"
#include "data/images/face_traits.h"
#include "src/core/random.h"

namespace athanor {
namespace {

double square(double x) { return x * x; }

class FacePainter {
 public:
  FacePainter(int64_t size_px, const FaceTraits& traits)
      : t_(traits), canvas_(size_px), head_(traits.head(size_px)), body_(traits.body(size_px)) {}

  FaceSample draw() {
    draw_background();
    if (t_.hair != Hair::kBald) draw_back_hair();
    draw_neck();
    draw_cloth();
    if (t_.necklace) draw_necklace();
    if (t_.hair == Hair::kLong) draw_locks();
    for (const int side : {-1, 1}) draw_ear(side);
    draw_skin();
    for (const int side : {-1, 1}) draw_eye(side);
    for (const int side : {-1, 1}) draw_brow(side);
    draw_nose();
    draw_mouth();
    if (t_.hair != Hair::kBald) draw_front_hair();
    if (t_.earrings != 0) draw_earrings();
    if (t_.glasses) draw_glasses();
    if (t_.hat) draw_hat();
    return finish();
  }

 private:
  // --- what lies behind the face

  void draw_background() {
    const double size = static_cast<double>(canvas_.size());
    for (int64_t y = 0; y < canvas_.size(); ++y)
      for (int64_t x = 0; x < canvas_.size(); ++x)
        canvas_.colour(y, x) =
            t_.background_at((static_cast<double>(x) + 0.5) / size, (static_cast<double>(y) + 0.5) / size);
  }

  // Two sizes of them, on lattices that are turned, so that neither shows.
  double curls(Point p) const {
    const Point a{p.u * 0.8 - p.v * 0.6, p.u * 0.6 + p.v * 0.8},
        b{p.u * 0.6 + p.v * 0.8, p.v * 0.6 - p.u * 0.8};
    return 0.6 * smooth_noise(a.u * 11, a.v * 11, t_.texture) +
           0.4 * smooth_noise(b.u * 25, b.v * 25, t_.texture + 9);
  }

  // A hat presses the hair under it: none shows above its brim.
  double under_hat(Point p, double hair) const { return t_.hat ? std::max(hair, t_.hat_v - p.v) : hair; }

  Colour hair_colour(Point p, double depth) const {
    const double strand =
        t_.hair == Hair::kCurly ? curls(p) : smooth_noise(p.u * 26 + 3 * p.v, p.v * 2.5, t_.texture);
    return t_.hair_colour * ((0.72 + 0.5 * strand) * depth * shade(p, 1.3));
  }

  double head_outline(Point p, double extra) const {
    const double wave =
        t_.hair == Hair::kCurly ? 0.12 * (smooth_noise(p.u * 4, p.v * 4, t_.texture + 1) - 0.5) : 0;
    return ellipse(p, {0, -0.22}, t_.width + extra, 0.86 + extra) + wave;
  }

  void draw_back_hair() {
    const double volume = t_.hair_volume;
    const double end = t_.hair == Hair::kLong ? 1.75 : t_.hair == Hair::kMedium ? 0.85 : -0.1;
    const auto shape = [&](Point p) {
      const double cap = head_outline(p, volume);
      const double sides = rounded_box(p, {0, (end - 0.3) / 2}, t_.width + volume * 0.95, (end + 0.3) / 2, 5);
      return under_hat(p, end > 0 ? std::min(cap, sides) : std::max(cap, p.v - 0.25));
    };
    canvas_.paint(kHair, head_, {0, 0.2}, 2.3, shape, [&](Point p) { return hair_colour(p, 0.7); });
  }

  void draw_neck() {
    const auto shape = [&](Point p) {
      const double flare = 0.35 * square(std::max(0.0, p.v - 1.0));
      return std::max(std::abs(p.u) - t_.neck_width - flare, std::max(0.3 - p.v, p.v - 2.6));
    };
    canvas_.paint(kNeck, body_, {0, 1.4}, 1.9, shape, [&](Point p) {
      const double under_chin = 0.62 + 0.38 * std::clamp((p.v - 0.85) / 0.6, 0.0, 1.0);
      return t_.skin * (under_chin * (1 - 0.25 * square(p.u / 0.7)) * t_.light_level(0.55));
    });
  }

  void draw_cloth() {
    const auto shape = [&](Point p) {
      const double beyond = std::max(0.0, std::abs(p.u) - t_.neck_width);
      const double shoulder = t_.shoulder_v + 0.32 * beyond + 0.5 * square(std::max(0.0, beyond - 0.75));
      const double part = std::clamp(std::abs(p.u) / (t_.neck_width + 0.12), 0.0, 1.0);
      const double neckline = t_.neckline_depth * (t_.v_neck ? 1 - part : 1 - part * part);
      return shoulder + neckline - p.v;
    };
    const auto paint = [&](Point p) {
      const double wave = smooth_noise(p.u * 2.5, p.v * 2.5, t_.texture + 2);
      const double band = std::sin((p.u * std::cos(t_.stripe_angle) + p.v * std::sin(t_.stripe_angle)) * 22);
      const Colour base = t_.stripes && band > 0.2 ? t_.stripe_colour : t_.cloth_colour;
      return base * ((0.7 + 0.4 * wave) * t_.light_level(0.8));
    };
    canvas_.paint(kCloth, body_, {0, 1.9}, 3.2, shape, paint);
  }

  void draw_necklace() {
    const double drop = 0.16 + t_.neckline_depth * 0.25;
    const auto shape = [&](Point p) {
      const double line = t_.shoulder_v + 0.02 + drop * (1 - square(p.u / t_.neck_width));
      return std::max(std::abs(p.v - line) - 0.062, std::abs(p.u) - t_.neck_width - 0.06);
    };
    canvas_.paint(kNecklace, body_, {0, 1.4}, 1.2, shape,
                  [&](Point p) { return t_.metal * (0.72 + 0.4 * std::abs(std::sin(p.u * 24))); });
  }

  // Long hair falls over the shoulders.
  void draw_locks() {
    for (const int side : {-1, 1}) {
      const double middle = side * (t_.width + t_.hair_volume * 0.45);
      const auto shape = [&](Point p) {
        return rounded_box(p, {middle + side * 0.06 * std::sin(p.v * 3), 0.85}, t_.hair_volume * 0.62 + 0.05,
                           0.95, 4);
      };
      canvas_.paint(kHair, head_, {middle, 0.85}, 1.1, shape, [&](Point p) { return hair_colour(p, 0.85); });
    }
  }

  // --- the face

  // How bright a point of the head is: a smooth ball under a light.
  double shade(Point p, double flatness = 1) const {
    const double u = p.u / (t_.width * 1.15 * flatness), v = p.v / (1.15 * flatness);
    const double depth = std::sqrt(std::max(0.05, 1 - u * u - v * v));
    return t_.light_level(u * t_.light_u + v * t_.light_v + depth * t_.light_depth);
  }

  Point turned(Point p, double depth) const { return {p.u + t_.yaw * depth, p.v}; }

  void draw_ear(int side) {
    const double shown = std::clamp(1 + 1.8 * side * t_.yaw, 0.25, 1.25);
    const Point centre{side * (t_.width - 0.01) - 0.1 * t_.yaw, -0.04};
    const double ru = 0.13 * shown * t_.ear_size, rv = 0.23 * t_.ear_size;
    const int id = side < 0 ? kLeftEar : kRightEar;
    canvas_.paint(
        id, head_, centre, 0.3, [&](Point p) { return ellipse(p, centre, ru, rv); },
        [&](Point p) {
          const double inner = ellipse(p, {centre.u + 0.02 * side, centre.v}, ru * 0.55, rv * 0.6);
          return t_.skin * (shade(p, 1.3) * (inner < 0 ? 0.72 : 0.92));
        });
  }

  double skin_outline(Point p) const {
    const double narrow = 1 - t_.jaw * square(std::max(0.0, p.v));
    return ellipse({p.u / narrow, p.v}, {0, 0}, t_.width, 1);
  }

  void draw_skin() {
    canvas_.paint(
        kSkin, head_, {0, 0}, 1.05, [&](Point p) { return skin_outline(p); },
        [&](Point p) {
          const double pores = 0.97 + 0.06 * smooth_noise(p.u * 14, p.v * 14, t_.texture + 3);
          const double cheek =
              std::exp(-(square(std::abs(p.u - t_.yaw * 0.3) - 0.4) + square(p.v - 0.25)) / 0.05);
          Colour skin = mix(t_.skin, {t_.skin.r, t_.skin.g * 0.78, t_.skin.b * 0.78}, 0.4 * t_.blush * cheek);
          if (t_.beard > 0) {
            const double jaw = std::clamp((p.v - 0.28 + 0.9 * square(p.u)) / 0.25, 0.0, 1.0);
            skin = mix(skin, t_.hair_colour,
                       t_.beard * jaw * (0.6 + 0.4 * smooth_noise(p.u * 40, p.v * 40, t_.texture)));
          }
          return skin * (pores * shade(p));
        });
  }

  void draw_eye(int side) {
    const Point centre = turned({side * t_.eye_distance, t_.eye_v}, 0.3);
    const double half = t_.eye_width, open = t_.eye_open;
    const auto shape = [&](Point p) {
      const double along = (p.u - centre.u) / half, tilt = side * t_.eye_tilt * (p.u - centre.u);
      const double room = 1 - along * along, v = p.v - centre.v + tilt;
      return std::max(std::max(-v - open * room, v - 0.8 * open * room), (std::abs(along) - 1) * half);
    };
    const Point pupil{centre.u + t_.gaze * half * 0.35, centre.v - 0.01};
    const auto paint = [&](Point p) {
      const double from_pupil = std::hypot(p.u - pupil.u, p.v - pupil.v) / (half * 0.45);
      if (std::hypot(p.u - pupil.u + 0.02, p.v - pupil.v + 0.025) < 0.018) return Colour{1, 1, 1};
      if (from_pupil < 0.45) return Colour{0.04, 0.03, 0.03};
      if (from_pupil < 1) return t_.iris;
      return Colour{0.93, 0.91, 0.9} * (0.8 * shade(p) + 0.15);
    };
    const auto lid = [&](Point p) { return shape({p.u, p.v + 0.02}) - 0.022; };
    canvas_.paint(
        kImageOnly, head_, centre, half + 0.1, lid, [&](Point) { return t_.skin * 0.3; }, 0.8);
    canvas_.paint(side < 0 ? kLeftEye : kRightEye, head_, centre, half + 0.05, shape, paint);
  }

  void draw_brow(int side) {
    const Point centre = turned({side * t_.eye_distance * 1.05, t_.eye_v - t_.brow_gap}, 0.3);
    const auto shape = [&](Point p) {
      const double along = (p.u - centre.u) / t_.brow_width;
      const double line = centre.v + t_.brow_arch * along * along + side * t_.brow_tilt * along;
      const double thick =
          t_.brow_thickness * std::sqrt(std::max(0.05, 1 - 0.6 * square(std::max(0.0, along * side))));
      return std::max(std::abs(p.v - line) - thick, (std::abs(along) - 1) * t_.brow_width);
    };
    canvas_.paint(side < 0 ? kLeftBrow : kRightBrow, head_, centre, 0.35, shape, [&](Point p) {
      return t_.brow_colour * ((0.7 + 0.5 * smooth_noise(p.u * 40, p.v * 25, t_.texture)) * shade(p));
    });
  }

  void draw_nose() {
    const double top = t_.eye_v + 0.05, bottom = t_.nose_v, half = t_.nose_width;
    const Point middle = turned({0, (top + bottom) / 2}, 0.42);
    const auto shape = [&](Point p) {
      const double down = std::clamp((p.v - top) / (bottom - top), 0.0, 1.0);
      const double bridge = middle.u - t_.yaw * 0.12 * (1 - down);
      const double wide = half * (0.42 + 0.5 * down * down);
      const double body = std::max(std::abs(p.u - bridge) - wide, std::max(top - p.v, p.v - bottom));
      return std::min(body, ellipse(p, {middle.u, bottom - 0.05}, half, 0.1));
    };
    canvas_.paint(kNose, head_, middle, 0.5, shape, [&](Point p) {
      const double across = (p.u - middle.u) / half;
      const double side_light = 1 + 0.3 * across * t_.light_u + 0.12 * std::exp(-8 * across * across);
      const double nostril = std::min(ellipse(p, {middle.u - half * 0.5, bottom - 0.005}, 0.042, 0.026),
                                      ellipse(p, {middle.u + half * 0.5, bottom - 0.005}, 0.042, 0.026));
      const double under = 1 - 0.22 * std::clamp((p.v - bottom + 0.07) / 0.1, 0.0, 1.0);
      return t_.skin * (nostril < 0 ? 0.3 : shade(p) * side_light * under);
    });
  }

  void draw_mouth() {
    const Point centre = turned({0, t_.mouth_v}, 0.36);
    const double half = t_.mouth_width;
    // Heights over the line through the mouth's corners, by the place along it.
    struct Levels {
      double room, line, across;
    };
    const auto levels = [&](Point p) {
      const double along = (p.u - centre.u) / half;
      return Levels{std::max(0.0, 1 - along * along), centre.v - t_.smile * along * along, along};
    };
    const auto ends = [&](const Levels& at) { return (std::abs(at.across) - 1) * half; };
    const auto inner = [&](Point p) {
      const Levels at = levels(p);
      return std::max(std::abs(p.v - at.line) - t_.mouth_open * at.room, ends(at));
    };
    const auto upper = [&](Point p) {
      const Levels at = levels(p);
      const double bow = 1 - 0.35 * std::exp(-square(at.across / 0.18));
      const double top = at.line - (t_.mouth_open + t_.upper_lip * bow) * at.room;
      return std::max(std::max(top - p.v, p.v - at.line + t_.mouth_open * at.room), ends(at));
    };
    const auto lower = [&](Point p) {
      const Levels at = levels(p);
      const double bottom = at.line + (t_.mouth_open + t_.lower_lip) * std::sqrt(at.room);
      return std::max(std::max(at.line + t_.mouth_open * at.room - p.v, p.v - bottom), ends(at));
    };
    const double reach = half + 0.15;
    const auto lip = [&](Point p) { return t_.lips * (shade(p) * (p.v < centre.v ? 0.86 : 1.06)); };
    canvas_.paint(kLowerLip, head_, centre, reach, lower, lip);
    canvas_.paint(kUpperLip, head_, centre, reach, upper, lip);
    if (t_.mouth_open <= 0) return;
    canvas_.paint(kMouth, head_, centre, reach, inner, [&](Point p) {
      const bool teeth = t_.teeth && p.v < centre.v + 0.15 * t_.mouth_open;
      return teeth ? Colour{0.92, 0.9, 0.86} * (0.35 + 0.6 * shade(p)) : Colour{0.28, 0.07, 0.07};
    });
  }

  // --- what lies over the face

  void draw_front_hair() {
    const auto shape = [&](Point p) {
      const double zigzag = 0.06 * (smooth_noise(p.u * 7, 0, t_.texture + 4) - 0.5);
      const double hairline = t_.hairline_v + t_.temple * square(p.u / t_.width) + t_.parting * p.u + zigzag;
      return under_hat(p, std::max(head_outline(p, t_.hair_volume), p.v - hairline));
    };
    canvas_.paint(kHair, head_, {0, -0.5}, 1.5, shape, [&](Point p) { return hair_colour(p, 1); });
    if (!t_.covers_ears) return;
    for (const int side : {-1, 1}) {
      const double middle = side * (t_.width + 0.06);
      const auto curtain = [&](Point p) { return rounded_box(p, {middle, 0.05}, 0.2, 0.75, 3); };
      canvas_.paint(kHair, head_, {middle, 0.05}, 0.85, curtain,
                    [&](Point p) { return hair_colour(p, 0.95); });
    }
  }

  void draw_earrings() {
    for (const int side : {-1, 1}) {
      if ((t_.earrings & (side < 0 ? 1 : 2)) == 0) continue;
      const Point centre{side * (t_.width + 0.02) - 0.1 * t_.yaw, 0.2 * t_.ear_size + t_.earring_size};
      const auto shape = [&](Point p) {
        return ellipse(p, centre, t_.earring_size, t_.earring_size * t_.earring_length);
      };
      canvas_.paint(kEarring, head_, centre, 0.4, shape, [&](Point p) {
        const double glint = std::exp(-30 * (square(p.u - centre.u + 0.03) + square(p.v - centre.v + 0.03)));
        return mix(t_.jewel, {1, 1, 1}, 0.7 * glint);
      });
    }
  }

  void draw_glasses() {
    const double half = t_.eye_width + 0.09, tall = t_.lens_height;
    for (const int side : {-1, 1}) {
      const Point centre = turned({side * (t_.eye_distance + 0.01), t_.eye_v}, 0.32);
      const auto shape = [&](Point p) { return rounded_box(p, centre, half, tall, t_.lens_power); };
      const auto glass = [&](Point p) {
        return mix(t_.lens, {1, 1, 1}, p.u - p.v > centre.u - centre.v + 0.1 ? 0.15 : 0.0);
      };
      canvas_.paint(kEyeGlasses, head_, centre, 0.5, shape, glass, t_.lens_opacity);
      const auto rim = [&](Point p) { return std::abs(shape(p)) - 0.022; };
      canvas_.paint(kEyeGlasses, head_, centre, 0.5, rim, [&](Point) { return t_.frame_colour; });
      const Point hinge{centre.u + side * half, centre.v - 0.03}, ear{side * t_.width, t_.eye_v - 0.05};
      canvas_.paint(
          kEyeGlasses, head_, hinge, 0.6, [&](Point p) { return segment(p, hinge, ear, 0.025); },
          [&](Point) { return t_.frame_colour; });
    }
    const Point nose = turned({0, t_.eye_v - 0.03}, 0.36);
    const double gap = t_.eye_distance - t_.eye_width;
    canvas_.paint(
        kEyeGlasses, head_, nose, 0.4,
        [&](Point p) {
          return segment(p, {nose.u - gap, nose.v}, {nose.u + gap, nose.v}, 0.025);
        },
        [&](Point) { return t_.frame_colour; });
  }

  void draw_hat() {
    const double edge = t_.hat_v, wide = t_.width + std::max(0.1, t_.hair_volume * 0.8);
    const auto crown = [&](Point p) {
      return std::max(rounded_box(p, {0, edge}, wide, t_.hat_height, t_.hat_power), p.v - edge);
    };
    const auto brim = [&](Point p) { return ellipse(p, {t_.yaw * 0.4, edge}, wide * t_.brim_width, 0.1); };
    const auto shape = [&](Point p) { return std::min(crown(p), brim(p)); };
    canvas_.paint(kHat, head_, {0, edge}, 2.2, shape, [&](Point p) {
      const double cloth = 0.85 + 0.25 * smooth_noise(p.u * 18, p.v * 18, t_.texture + 5);
      const bool band = p.v > edge - 0.2 && p.v < edge - 0.07;
      return (band ? t_.hat_band : t_.hat_colour) * (cloth * shade({p.u, p.v + 0.4}, 1.3));
    });
  }

  // --- the camera

  FaceSample finish() {
    const int64_t size = canvas_.size();
    FaceSample out{make_image(size, size, 3), make_image(size, size, 1)};
    Rng noise(t_.texture);
    for (int64_t y = 0; y < size; ++y)
      for (int64_t x = 0; x < size; ++x) {
        const double u = 2 * static_cast<double>(x) / static_cast<double>(size) - 1;
        const double v = 2 * static_cast<double>(y) / static_cast<double>(size) - 1;
        const double dim = t_.exposure * (1 - t_.vignette * (u * u + v * v) / 2);
        const Colour c = canvas_.colour(y, x);
        const double seen[3] = {c.r * t_.tint.r, c.g * t_.tint.g, c.b * t_.tint.b};
        for (int k = 0; k < 3; ++k) {
          const double value = std::clamp(seen[k] * dim, 0.0, 1.0) + t_.noise * noise.normal();
          out.image.at(y, x)[k] = static_cast<uint8_t>(std::clamp(255 * value + 0.5, 0.0, 255.0));
        }
        *out.mask.at(y, x) = canvas_.id(y, x);
      }
    return out;
  }

  const FaceTraits& t_;
  Canvas canvas_;
  Frame head_, body_;
};

}  // namespace

FaceSample make_face(int64_t size_px, uint64_t seed) {
  return FacePainter(size_px, draw_traits(seed)).draw();
}

}  // namespace athanor
