// Where an output pixel looks in the source, in whole numbers, so that CPU, GPU and any vector width read the
// same pixels with the same weights: the map in 2^-32 pixels, a position in 2^-15 pixels.
#pragma once

#include <cmath>
#include <cstdint>

#include "src/ops/augment.h"
#include "src/ops/cuda/host_device.h"

namespace athanor {

constexpr int kPositionBits = 15;
constexpr int32_t kOnePixel = 1 << kPositionBits;

// An Affine in units of 2^-32 pixels.
struct FixedMap {
  int64_t xx, xy, x0, yx, yy, y0;
};

inline FixedMap fixed_map(const Affine& map) {
  const auto fixed = [](double value, double limit) {
    return static_cast<int64_t>(std::llround(std::fmax(-limit, std::fmin(limit, value)) * 4294967296.0));
  };
  constexpr double kSteepest = 4096, kFarthest = 1 << 28;  // far outside any picture, well inside an int64
  return {fixed(map.xx, kSteepest), fixed(map.xy, kSteepest), fixed(map.x0, kFarthest),
          fixed(map.yx, kSteepest), fixed(map.yy, kSteepest), fixed(map.y0, kFarthest)};
}

// The position in 2^-15 pixels, drawn into the picture (side pixels) and the two pixels of border around it.
// Mirrored once (Border::kReflect): what lies farther than a whole picture away shows the far edge.
ATHANOR_BOTH inline int32_t position(int64_t fixed, int32_t side, bool reflect) {
  const int64_t rounded = (fixed + (1 << 16)) >> 17;
  int32_t low = -2 * kOnePixel, high = side * kOnePixel;
  if (reflect) low = -high, high *= 2;
  const int32_t at = static_cast<int32_t>(rounded < low ? low : rounded > high ? high : rounded);
  if (!reflect) return at;
  const int32_t half = kOnePixel / 2, period = side * kOnePixel;
  int32_t edge = at + half;  // 0 and `period` are the picture's outer edges
  if (edge < 0) edge = -edge;
  if (edge > period) edge = 2 * period - edge;
  return edge - half;
}

// Where a blur looks for index i of `size`: mirrored without repeating the edge, as often as it takes.
ATHANOR_BOTH inline int64_t mirrored(int64_t i, int64_t size) {
  if (size == 1) return 0;
  const int64_t period = 2 * (size - 1);
  i = ((i % period) + period) % period;
  return i < size ? i : period - i;
}

}  // namespace athanor
