// Pictures, what they go through, and the answer by the steps one by one: for the tests of the fused pass and
// of the GPU's arithmetic.
#pragma once

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <numbers>
#include <numeric>
#include <vector>

#include "src/core/random.h"
#include "src/ops/augment.h"
#include "src/ops/augment_reference.h"

namespace athanor {

inline constexpr float kMean[3] = {0.485F, 0.456F, 0.406F}, kStd[3] = {0.229F, 0.224F, 0.225F};

inline AugmentRule rule_with(Border border, bool normalised = false) {
  // Classes 3 and 4 are each other's mirror image.
  static const std::vector<uint8_t> mirror = [] {
    std::vector<uint8_t> table(256);
    std::iota(table.begin(), table.end(), uint8_t{0});
    std::swap(table[3], table[4]);
    return table;
  }();
  AugmentRule rule{.border = border, .fill = {124, 7, 250}, .mask_fill = 255, .class_mirror = mirror.data()};
  for (int c = 0; c < 3 && normalised; ++c) rule.mean[c] = kMean[c], rule.std[c] = kStd[c];
  return rule;
}

inline Affine about_centre(double degrees, double scale, double dx, double dy, const AugmentShape& s) {
  const double turn = degrees * std::numbers::pi / 180, c = std::cos(turn) / scale,
               n = std::sin(turn) / scale;
  const double cx = static_cast<double>(s.width - 1) / 2, cy = static_cast<double>(s.height - 1) / 2;
  return {c, n, cx - c * (cx + dx) - n * (cy + dy), -n, c, cy + n * (cx + dx) - c * (cy + dy)};
}

// Pictures of noise and steps, so that every error shows, and what to do with them.
struct Pictures {
  AugmentShape shape;
  std::vector<uint8_t> image, mask;
  std::vector<PictureChange> changes;

  Pictures(const AugmentShape& s, uint64_t seed) : shape(s) {
    Rng random(seed);
    for (int64_t i = 0; i < s.batch * 3 * s.height * s.width; ++i)
      image.push_back(static_cast<uint8_t>(random.below(256)));
    for (int64_t i = 0; i < s.batch * s.height * s.width; ++i)
      mask.push_back(static_cast<uint8_t>(random.below(19)));
    changes.resize(static_cast<size_t>(s.batch));
  }
  int64_t out_size() const { return shape.out_height * shape.out_width; }
};

struct Result {
  std::vector<float> image;
  std::vector<uint8_t> mask;
};

inline Result written_out(const Pictures& p, const AugmentRule& rule) {
  Result out;
  for (int64_t b = 0; b < p.shape.batch; ++b) {
    const AugmentShape& s = p.shape;
    const PictureChange& change = p.changes[static_cast<size_t>(b)];
    const auto image =
        augment_reference::augment(p.image.data() + b * 3 * s.height * s.width, s, change, rule);
    auto mask = augment_reference::warp_mask(p.mask.data() + b * s.height * s.width, s.height, s.width,
                                             change.map, s.out_height, s.out_width, rule);
    if (change.mirrored && rule.class_mirror != nullptr)
      for (uint8_t& id : mask) id = rule.class_mirror[id];
    out.image.insert(out.image.end(), image.pixels.begin(), image.pixels.end());
    out.mask.insert(out.mask.end(), mask.begin(), mask.end());
  }
  return out;
}

inline double largest_difference(const std::vector<float>& a, const std::vector<float>& b) {
  CATCH_REQUIRE(a.size() == b.size());
  double largest = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    const double difference = std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i]));
    largest = difference <= largest ? largest : difference;  // NaN stays
  }
  return largest;
}

inline constexpr Border kBorders[] = {Border::kConstant, Border::kReplicate, Border::kReflect};

inline PictureChange drawn_change(Rng& random, const AugmentShape& s) {
  const auto between = [&](double low, double high) { return low + (high - low) * random.uniform(); };
  PictureChange change;
  change.map = about_centre(between(-180, 180), between(0.5, 2), between(-9, 9), between(-9, 9), s);
  if (random.below(2) == 0) change.blur_sigma_px = between(0.1, 2);
  if (random.below(2) == 0) change.brightness = static_cast<float>(between(0.5, 1.5));
  if (random.below(2) == 0) change.contrast = static_cast<float>(between(0.5, 1.5));
  if (random.below(2) == 0) change.saturation = static_cast<float>(between(0, 2));
  if (random.below(2) == 0) change.hue_turns = static_cast<float>(between(-1, 1));
  change.mirrored = random.below(2) == 0;
  return change;
}

}  // namespace athanor
