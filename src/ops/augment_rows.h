// Rows of the fused augmentation, one table of functions for each vector width. Values between the steps are
// uint16, kUnit for 1.0: precise enough for 1e-5, small enough for a picture to stay in the L2 cache, and
// their sums are exact. Most loops are plain (augment_rows_body.h), compiled for each width; the bilinear
// row, which compilers do not turn into vectors, is written by hand.
#pragma once

#include <cstdint>
#include <vector>

#include "src/ops/augment.h"

namespace athanor {

constexpr int32_t kUnit = 255 * 256;
// Rows of uint16 have room for whole vectors of this many pixels.
constexpr int64_t kRowPadding = 16;
// Pixels around an interleaved picture that show its border.
constexpr int64_t kRing = 2;

// A picture whose pixels are four bytes: red, green, blue, mask; with kRing pixels of border around.
struct InterleavedPicture {
  const uint32_t* pixels;  // of (0,0)
  int64_t stride;          // in pixels
  int32_t height, width;
};

// One output row: its first pixel's place in the source and the step from pixel to pixel, in 2^-32 pixels.
struct RowWalk {
  int64_t x, y, step_x, step_y;
  bool reflect;
};

struct RowOut {
  uint16_t* rgb[3];  // padded to kRowPadding
  uint8_t* mask;     // width, or null
};

// out = clamp(in * gain + offset, 0, 1) * scale + shift
struct Levels {
  float gain, offset, scale, shift;
};

struct AugmentKernel {
  const char* name;
  // out = min(kUnit, bilinear * 256 * brightness); mask: the nearest pixel's.
  void (*warp_row)(const InterleavedPicture& from, const RowWalk& walk, float brightness, int64_t width,
                   const RowOut& out);
  // out[x] = red | green << 8 | blue << 16 | mask << 24; mask may be null.
  void (*interleave_row)(const uint8_t* red, const uint8_t* green, const uint8_t* blue, const uint8_t* mask,
                         int64_t width, uint32_t* out);
  // Without interpolation: out = min(kUnit, in * 256 * brightness), mirrored if `flip`.
  void (*copy_row)(const uint8_t* in, bool flip, float brightness, int64_t width, uint16_t* out);
  void (*mirror_row)(const uint8_t* in, int64_t width, uint8_t* out);
  int64_t (*sum_row)(const uint16_t* in, int64_t width);
  // sum of weights[k] * rows[k]
  void (*blur_down)(const uint16_t* const* rows, const float* weights, int64_t count, int64_t width,
                    float* out);
  // in[-radius … width+radius) is there; out = min(kUnit, sum * brightness)
  void (*blur_across)(const float* in, const float* weights, int64_t radius, float brightness, int64_t width,
                      uint16_t* out);
  void (*level_row)(const uint16_t* in, const Levels& levels, int64_t width, float* out);
  void (*level_row_bf16)(const uint16_t* in, const Levels& levels, int64_t width, uint16_t* out);
  // In place on [0,1]; turns in [0,1].
  void (*saturate_row)(float* const rgb[3], float factor, int64_t width);
  void (*turn_hue_row)(float* const rgb[3], float turns, int64_t width);
  // out = in * scale + shift
  void (*scale_row)(const float* in, float scale, float shift, int64_t width, float* out);
  void (*scale_row_bf16)(const float* in, float scale, float shift, int64_t width, uint16_t* out);
};

extern const AugmentKernel kAugmentScalar;
#if defined(__x86_64__)
extern const AugmentKernel kAugmentAvx2, kAugmentAvx512;
#endif
// Those that this CPU runs, the fastest first.
const std::vector<const AugmentKernel*>& augment_kernels();

// augment_images() by this kernel.
void augment_images_by(const AugmentKernel& kernel, const AugmentBatch& batch, const AugmentRule& rule,
                       ThreadPool& pool);

}  // namespace athanor
