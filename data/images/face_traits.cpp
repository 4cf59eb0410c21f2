#include "data/images/face_traits.h"

#include <numbers>

#include "src/core/random.h"

namespace athanor {
namespace {

constexpr double kPi = std::numbers::pi;

class Draw {
 public:
  explicit Draw(uint64_t seed) : rng_(seed) {}
  double between(double low, double high) { return low + (high - low) * rng_.uniform(); }
  bool chance(double share) { return rng_.uniform() < share; }
  uint64_t below(uint64_t limit) { return rng_.below(limit); }
  uint64_t seed() { return rng_.next(); }
  Colour any_colour(double low, double high) {
    return {between(low, high), between(low, high), between(low, high)};
  }
  template <size_t kCount>
  Colour of(const Colour (&table)[kCount]) {
    const Colour a = table[below(kCount)];
    return a * between(0.85, 1.1);
  }

 private:
  Rng rng_;
};

constexpr Colour kSkins[] = {{0.98, 0.83, 0.73}, {0.95, 0.77, 0.65}, {0.89, 0.70, 0.55}, {0.80, 0.60, 0.45},
                             {0.68, 0.48, 0.35}, {0.52, 0.35, 0.25}, {0.40, 0.27, 0.20}};
constexpr Colour kHairs[] = {{0.08, 0.07, 0.07}, {0.17, 0.11, 0.08}, {0.30, 0.19, 0.11}, {0.45, 0.28, 0.14},
                             {0.72, 0.55, 0.30}, {0.85, 0.72, 0.48}, {0.55, 0.22, 0.10}, {0.62, 0.60, 0.58}};
constexpr Colour kIrises[] = {
    {0.25, 0.15, 0.08}, {0.35, 0.24, 0.12}, {0.25, 0.42, 0.60}, {0.28, 0.42, 0.28}, {0.4, 0.43, 0.45}};
constexpr Colour kMetals[] = {{0.95, 0.80, 0.35}, {0.88, 0.88, 0.92}, {0.90, 0.65, 0.55}, {0.97, 0.95, 0.90}};

void draw_pose_and_light(Draw& draw, FaceTraits& t) {
  t.centre_x = draw.between(0.44, 0.56);
  t.centre_y = draw.between(0.42, 0.52);
  t.scale = draw.between(0.25, 0.34);
  t.roll = draw.between(-0.22, 0.22);
  t.yaw = draw.between(-0.35, 0.35);
  const double angle = draw.between(-kPi, 0), side = draw.between(0.2, 0.75);
  t.light_u = side * std::cos(angle);
  t.light_v = side * std::sin(angle);
  t.light_depth = std::sqrt(1 - side * side) + 0.1;
  t.ambient = draw.between(0.3, 0.65);
  t.exposure = draw.between(0.75, 1.2);
  t.vignette = draw.between(0, 0.35);
  t.noise = draw.between(0.004, 0.028);
  t.tint = {draw.between(0.9, 1.1), draw.between(0.95, 1.05), draw.between(0.88, 1.1)};
}

void draw_features(Draw& draw, FaceTraits& t) {
  t.skin = draw.of(kSkins);
  t.iris = draw.of(kIrises);
  t.width = draw.between(0.68, 0.8);
  t.jaw = draw.between(0.08, 0.3);
  t.blush = draw.between(0, 1);
  t.beard = draw.chance(0.2) ? draw.between(0.25, 0.8) : 0;
  t.ear_size = draw.between(0.95, 1.2);
  t.neck_width = draw.between(0.36, 0.48);
  t.eye_v = draw.between(-0.16, -0.06);
  t.eye_distance = t.width * draw.between(0.43, 0.49);
  t.eye_width = draw.between(0.155, 0.195);
  t.eye_open = draw.between(0.065, 0.115);
  t.eye_tilt = draw.between(-0.1, 0.2);
  t.gaze = draw.between(-1, 1);
  t.brow_gap = draw.between(0.2, 0.27);
  t.brow_width = draw.between(0.19, 0.24);
  t.brow_thickness = draw.between(0.036, 0.06);
  t.brow_arch = draw.between(0.0, 0.07);
  t.brow_tilt = draw.between(-0.04, 0.05);
  t.nose_v = draw.between(0.24, 0.34);
  t.nose_width = draw.between(0.13, 0.19);
  t.mouth_v = draw.between(0.55, 0.64);
  t.mouth_width = draw.between(0.24, 0.36);
  t.mouth_open = draw.chance(0.5) ? draw.between(0.035, 0.11) : 0;
  t.upper_lip = draw.between(0.06, 0.095);
  t.lower_lip = draw.between(0.07, 0.105);
  t.smile = draw.between(-0.03, 0.12);
  t.teeth = draw.chance(0.7);
  const Colour rouge = draw.chance(0.4) ? Colour{0.75, 0.12, 0.2} : Colour{0.8, 0.42, 0.42};
  t.lips = mix(t.skin * 0.85, rouge, draw.between(0.35, 0.8));
}

void draw_hair_traits(Draw& draw, FaceTraits& t) {
  const double pick = draw.between(0, 1);
  t.hair = pick < 0.06   ? Hair::kBald
           : pick < 0.34 ? Hair::kShort
           : pick < 0.58 ? Hair::kMedium
           : pick < 0.86 ? Hair::kLong
                         : Hair::kCurly;
  t.hair_colour = draw.of(kHairs);
  t.brow_colour = t.hair_colour * draw.between(0.55, 0.95);
  t.hair_volume = t.hair == Hair::kCurly   ? draw.between(0.25, 0.42)
                  : t.hair == Hair::kShort ? draw.between(0.06, 0.15)
                                           : draw.between(0.14, 0.28);
  const bool fringe = draw.chance(0.3);
  t.hairline_v = fringe ? draw.between(-0.52, -0.44) : draw.between(-0.78, -0.6);
  t.temple = draw.between(0.12, 0.4);
  t.parting = draw.between(-0.18, 0.18);
  t.covers_ears = (t.hair == Hair::kMedium || t.hair == Hair::kLong) && draw.chance(0.5);
}

void draw_dress(Draw& draw, FaceTraits& t) {
  t.glasses = draw.chance(0.28);
  t.lens_height = draw.between(0.15, 0.2);
  t.lens_power = draw.between(2, 4.5);
  t.lens_opacity = draw.chance(0.4) ? draw.between(0.75, 0.95) : draw.between(0.08, 0.25);
  t.lens = t.lens_opacity > 0.5 ? draw.any_colour(0.02, 0.25) : draw.any_colour(0.7, 0.95);
  t.frame_colour = draw.chance(0.6) ? draw.any_colour(0.02, 0.2) : draw.any_colour(0.2, 0.8);
  t.earrings = draw.chance(0.4) ? static_cast<int>(1 + draw.below(3)) : 0;
  t.earring_size = draw.between(0.085, 0.13);
  t.earring_length = draw.between(1, 1.7);
  t.jewel = draw.chance(0.6) ? draw.of(kMetals) : draw.any_colour(0.1, 0.95);
  t.necklace = draw.chance(0.4);
  t.metal = draw.of(kMetals);
  t.hat = draw.chance(0.25);
  t.hat_v = draw.between(-0.6, -0.48);
  t.hat_height = draw.between(0.55, 0.8);
  t.hat_power = draw.between(2, 4);
  t.brim_width = draw.between(1.02, 1.45);
  t.hat_colour = draw.any_colour(0.08, 0.85);
  t.hat_band = draw.chance(0.5) ? draw.any_colour(0.05, 0.9) : t.hat_colour;
  t.shoulder_v = draw.between(1.22, 1.36);
  t.neckline_depth = draw.between(0.05, 0.45);
  t.v_neck = draw.chance(0.4);
  t.stripes = draw.chance(0.35);
  t.stripe_angle = draw.between(0, kPi);
  t.cloth_colour = draw.any_colour(0.08, 0.9);
  t.stripe_colour = draw.any_colour(0.08, 0.9);
}

}  // namespace

FaceTraits draw_traits(uint64_t seed) {
  Draw draw(seed);
  FaceTraits t{};
  draw_pose_and_light(draw, t);
  draw_features(draw, t);
  draw_hair_traits(draw, t);
  draw_dress(draw, t);
  t.backdrop = static_cast<Backdrop>(draw.below(4));
  t.back_a = draw.any_colour(0.1, 0.95);
  t.back_b = draw.any_colour(0.1, 0.95);
  t.back_angle = draw.between(0, 2 * kPi);
  t.back_grain = draw.between(2, 9);
  t.texture = draw.seed();
  return t;
}

Frame FaceTraits::head(int64_t size_px) const {
  const auto size = static_cast<double>(size_px);
  return {centre_x * size, centre_y * size, scale * size, roll};
}

Frame FaceTraits::body(int64_t size_px) const {
  Frame frame = head(size_px);
  frame.angle = 0.3 * roll;
  return frame;
}

Colour FaceTraits::background_at(double x, double y) const {
  const double along = x * std::cos(back_angle) + y * std::sin(back_angle);
  const double soft = smooth_noise(x * 3, y * 3, texture + 6);
  switch (backdrop) {
    case Backdrop::kGradient:
      return mix(back_a, back_b, std::clamp(0.5 + 0.6 * along + 0.2 * (soft - 0.5), 0.0, 1.0));
    case Backdrop::kBlobs:
      return mix(back_a, back_b, smooth_noise(x * back_grain, y * back_grain, texture + 7));
    case Backdrop::kStripes:
      return mix(back_a, back_b, 0.5 + 0.5 * std::tanh(4 * std::sin(along * back_grain * 4))) *
             (0.8 + 0.3 * soft);
    case Backdrop::kLights: {
      const double grain = smooth_noise(x * back_grain * 2, y * back_grain * 2, texture + 8);
      return mix(back_a * 0.5, back_b, std::clamp((grain - 0.55) * 6, 0.0, 1.0));
    }
  }
  return back_a;
}

double smooth_noise(double u, double v, uint64_t seed) {
  const double left = std::floor(u), top = std::floor(v);
  const auto lattice = [&](double du, double dv) {
    const auto x = static_cast<int64_t>(left + du), y = static_cast<int64_t>(top + dv);
    return static_cast<double>(mix_seed(seed, static_cast<uint64_t>(x), static_cast<uint64_t>(y)) >> 11) *
           0x1p-53;
  };
  const auto eased = [](double part) { return part * part * (3 - 2 * part); };
  const double s = eased(u - left), t = eased(v - top);
  const double upper = lattice(0, 0) * (1 - s) + lattice(1, 0) * s;
  const double lower = lattice(0, 1) * (1 - s) + lattice(1, 1) * s;
  return upper * (1 - t) + lower * t;
}

}  // namespace athanor
