// The passes of resizing for any CPU, and the choice among the kernels.
#include "data/images/resize_rows.h"

#include <algorithm>

namespace athanor {
namespace {

uint8_t rounded(int32_t sum, int bits) { return static_cast<uint8_t>(std::clamp(sum >> bits, 0, 255)); }

void across(const RowsPass& pass, int64_t rows, int64_t /*width*/, const Taps& taps, int64_t left,
            int64_t out) {
  for (int64_t y = 0; y < rows; ++y)
    for (int64_t x = 0; x < out; ++x) {
      const int64_t target = left + x;
      const int32_t* weights = taps.weights + target * taps.stride;
      const uint8_t* pixel = pass.from + y * pass.from_stride + int64_t{3} * taps.first[target];
      int32_t sums[3] = {1 << (taps.bits - 1), 1 << (taps.bits - 1), 1 << (taps.bits - 1)};
      for (int64_t k = 0; k < taps.count[target]; ++k, pixel += 3)
        for (int c = 0; c < 3; ++c) sums[c] += pixel[c] * weights[k];
      uint8_t* to = pass.to + y * pass.to_stride + 3 * x;
      for (int c = 0; c < 3; ++c) to[c] = rounded(sums[c], taps.bits);
    }
}

// In blocks whose sums stay in the nearest cache, row by row, so that the compiler makes vectors of it.
void down(const RowsPass& pass, int64_t bytes, const Taps& taps, int64_t target) {
  constexpr int64_t kBlock = 1024;
  int32_t sums[kBlock];
  const int32_t* weights = taps.weights + target * taps.stride;
  const uint8_t* first = pass.from + taps.first[target] * pass.from_stride;
  for (int64_t start = 0; start < bytes; start += kBlock) {
    const int64_t size = std::min(kBlock, bytes - start);
    std::fill_n(sums, size, 1 << (taps.bits - 1));
    for (int64_t k = 0; k < taps.count[target]; ++k) {
      const uint8_t* from = first + k * pass.from_stride + start;
      const int32_t weight = weights[k];
      for (int64_t i = 0; i < size; ++i) sums[i] += from[i] * weight;
    }
    for (int64_t i = 0; i < size; ++i) pass.to[start + i] = rounded(sums[i], taps.bits);
  }
}

}  // namespace

const ResizeKernel kResizePlain = {"plain", across, down};

const std::vector<const ResizeKernel*>& resize_kernels() {
  static const std::vector<const ResizeKernel*> found = [] {
    std::vector<const ResizeKernel*> kernels;
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
      kernels.push_back(&kResizeAvx512);
    if (__builtin_cpu_supports("avx2")) kernels.push_back(&kResizeAvx2);
#endif
    kernels.push_back(&kResizePlain);
    return kernels;
  }();
  return found;
}

}  // namespace athanor
