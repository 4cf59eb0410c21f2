// The two passes of resizing, one table of functions for each vector width. Sums of 8-bit pixels and
// fixed-point weights are exact modulo 2^32, so all kernels give the same bytes. Internal to data/images.
#pragma once

#include <cstdint>
#include <vector>

namespace athanor {

constexpr int64_t kTapGroup = 4;  // weights of a target are padded to whole groups

// The source pixels of each target pixel and their weights in fixed point. Plain pointers: kernels call
// nothing from the standard library, whose templates, compiled for AVX-512, could be linked into code for
// every CPU.
struct Taps {
  int bits = 0;                      // behind the point
  int64_t stride = 0;                // weights a target, a multiple of kTapGroup; zero beyond `count`
  const int32_t* first = nullptr;    // source pixel of the first weight
  const int32_t* count = nullptr;    // first + count is in the source; with the padding it may not be
  const int32_t* weights = nullptr;  // [target, stride]
  // For kernels that multiply 16 bits: weight = (high << split) + low; low is null where high alone holds it.
  int split = 0;
  const int16_t *high = nullptr, *low = nullptr;
};

struct RowsPass {
  const uint8_t* from = nullptr;
  int64_t from_stride = 0;  // bytes from row to row
  uint8_t* to = nullptr;
  int64_t to_stride = 0;
};

struct ResizeKernel {
  const char* name;
  // Each of `rows` rows of RGB pixels, `width` pixels of the source, to targets [left, left + out) of the
  // taps. Reads no byte beyond the last row's end.
  void (*across)(const RowsPass& pass, int64_t rows, int64_t width, const Taps& taps, int64_t left,
                 int64_t out);
  // Rows of the source, `bytes` each, to one target row; `from` is source row 0.
  void (*down)(const RowsPass& pass, int64_t bytes, const Taps& taps, int64_t target);
};

extern const ResizeKernel kResizePlain;
#if defined(__x86_64__)
extern const ResizeKernel kResizeAvx2, kResizeAvx512;
#endif
// Those that this CPU runs, the fastest first.
const std::vector<const ResizeKernel*>& resize_kernels();

// resize() by this kernel (data/images/resize.cpp).
struct Image;
struct Resize;
Image resize_by(const ResizeKernel& kernel, const Image& image, const Resize& how);

}  // namespace athanor
