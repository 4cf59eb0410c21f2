// The rows for any CPU, and the choice among the kernels.
#include "src/ops/augment_rows.h"

#include "src/ops/augment_position.h"

namespace athanor {
namespace {

// One channel of the four pixels around a position, times 2^15.
float bilinear(const uint32_t* upper, const uint32_t* lower, int shift, int32_t part_x, float part_y) {
  const auto tap = [shift](uint32_t pixel) { return static_cast<int32_t>((pixel >> shift) & 255U); };
  const int32_t above = tap(upper[0]) * (kOnePixel - part_x) + tap(upper[1]) * part_x;
  const int32_t below = tap(lower[0]) * (kOnePixel - part_x) + tap(lower[1]) * part_x;
  return static_cast<float>(above) + static_cast<float>(below - above) * part_y;
}

void warp_row(const InterleavedPicture& from, const RowWalk& walk, float brightness, int64_t width,
              const RowOut& out) {
  const float scale = brightness * 256 / kOnePixel, half = 0.5F, limit = kUnit;
  for (int64_t i = 0; i < width; ++i) {
    const int32_t x = position(walk.x + i * walk.step_x, from.width, walk.reflect);
    const int32_t y = position(walk.y + i * walk.step_y, from.height, walk.reflect);
    const int32_t part_x = x & (kOnePixel - 1), part_y = y & (kOnePixel - 1);
    const uint32_t* upper = from.pixels + (y >> kPositionBits) * from.stride + (x >> kPositionBits);
    const uint32_t* lower = upper + from.stride;
    for (int c = 0; c < 3; ++c) {
      const float value =
          bilinear(upper, lower, 8 * c, part_x, static_cast<float>(part_y) / kOnePixel) * scale;
      out.rgb[c][i] = static_cast<uint16_t>((value < limit ? value : limit) + half);
    }
    if (out.mask == nullptr) continue;
    const uint32_t* near = part_y >= kOnePixel / 2 ? lower : upper;
    out.mask[i] = static_cast<uint8_t>(near[part_x >= kOnePixel / 2 ? 1 : 0] >> 24);
  }
}

}  // namespace
}  // namespace athanor

#include "src/ops/augment_rows_body.h"

namespace athanor {

const AugmentKernel kAugmentScalar = kernel_of("scalar");

const std::vector<const AugmentKernel*>& augment_kernels() {
  static const std::vector<const AugmentKernel*> found = [] {
    std::vector<const AugmentKernel*> kernels;
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
      kernels.push_back(&kAugmentAvx512);
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) kernels.push_back(&kAugmentAvx2);
#endif
    kernels.push_back(&kAugmentScalar);
    return kernels;
  }();
  return found;
}

}  // namespace athanor
