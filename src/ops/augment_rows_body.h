// The rows that compilers turn into vectors, for the target that the includer has set by `#pragma GCC
// target`; its warp_row must be there. Calls nothing from the standard library: a shared template compiled
// for AVX-512 could be linked into code for every CPU.
#include "src/ops/augment_reference.h"
#include "src/ops/augment_rows.h"

namespace athanor {
namespace {

inline float at_most(float x, float limit) { return x < limit ? x : limit; }
inline float at_least(float x, float limit) { return x > limit ? x : limit; }
inline float clamp01(float x) { return at_least(at_most(x, 1.0F), 0.0F); }
constexpr float kHalf = 0.5F;
inline uint16_t in_units(float x) {  // at most kUnit; at or above 0, so that cutting off rounds
  return static_cast<uint16_t>(static_cast<int32_t>(at_most(x, static_cast<float>(kUnit)) + kHalf));
}
inline uint16_t to_bf16(float x) {  // to nearest, halves to even; x is no NaN
  const auto bits = __builtin_bit_cast(uint32_t, x);
  return static_cast<uint16_t>((bits + 0x7fffU + ((bits >> 16) & 1U)) >> 16);
}

inline uint32_t pixel_of(uint8_t red, uint8_t green, uint8_t blue) {
  return static_cast<uint32_t>(red) | static_cast<uint32_t>(green) << 8 | static_cast<uint32_t>(blue) << 16;
}

void interleave_row(const uint8_t* __restrict red, const uint8_t* __restrict green,
                    const uint8_t* __restrict blue, const uint8_t* __restrict mask, int64_t width,
                    uint32_t* __restrict out) {
  if (mask == nullptr)
    for (int64_t i = 0; i < width; ++i) out[i] = pixel_of(red[i], green[i], blue[i]);
  else
    for (int64_t i = 0; i < width; ++i)
      out[i] = pixel_of(red[i], green[i], blue[i]) | static_cast<uint32_t>(mask[i]) << 24;
}

void copy_row(const uint8_t* __restrict in, bool flip, float brightness, int64_t width,
              uint16_t* __restrict out) {
  const float scale = brightness * 256;
  if (flip)
    for (int64_t i = 0; i < width; ++i) out[i] = in_units(static_cast<float>(in[width - 1 - i]) * scale);
  else
    for (int64_t i = 0; i < width; ++i) out[i] = in_units(static_cast<float>(in[i]) * scale);
}

void mirror_row(const uint8_t* __restrict in, int64_t width, uint8_t* __restrict out) {
  for (int64_t i = 0; i < width; ++i) out[i] = in[width - 1 - i];
}

int64_t sum_row(const uint16_t* in, int64_t width) {
  uint32_t sum = 0;  // of at most kLargestSide values below 2^16: fits
  for (int64_t i = 0; i < width; ++i) sum += in[i];
  return sum;
}

constexpr int64_t kBlurBlock = 64;  // sums that stay in registers

template <class Take>
void add_weighted(int64_t size, float* __restrict sums, const Take& take) {
  if (size == kBlurBlock)
    for (int64_t i = 0; i < kBlurBlock; ++i) sums[i] += take(i);
  else
    for (int64_t i = 0; i < size; ++i) sums[i] += take(i);
}

void blur_down(const uint16_t* const* rows, const float* weights, int64_t count, int64_t width,
               float* __restrict out) {
  for (int64_t start = 0; start < width; start += kBlurBlock) {
    const int64_t left = width - start, size = left < kBlurBlock ? left : kBlurBlock;
    float sums[kBlurBlock] = {};
    for (int64_t k = 0; k < count; ++k) {
      const uint16_t* row = rows[k] + start;
      const float weight = weights[k];
      add_weighted(size, sums, [=](int64_t i) { return weight * static_cast<float>(row[i]); });
    }
    for (int64_t i = 0; i < size; ++i) out[start + i] = sums[i];
  }
}

void blur_across(const float* __restrict in, const float* __restrict weights, int64_t radius,
                 float brightness, int64_t width, uint16_t* __restrict out) {
  for (int64_t start = 0; start < width; start += kBlurBlock) {
    const int64_t left = width - start, size = left < kBlurBlock ? left : kBlurBlock;
    float sums[kBlurBlock] = {};
    for (int64_t k = -radius; k <= radius; ++k) {
      const float* from = in + start + k;
      const float weight = weights[k + radius];
      add_weighted(size, sums, [=](int64_t i) { return weight * from[i]; });
    }
    for (int64_t i = 0; i < size; ++i) out[start + i] = in_units(sums[i] * brightness);
  }
}

inline float level(uint16_t in, const Levels& l) {
  return clamp01(static_cast<float>(in) * l.gain + l.offset) * l.scale + l.shift;
}

void level_row(const uint16_t* __restrict in, const Levels& levels, int64_t width, float* __restrict out) {
  const Levels l = levels;
  for (int64_t i = 0; i < width; ++i) out[i] = level(in[i], l);
}

void level_row_bf16(const uint16_t* __restrict in, const Levels& levels, int64_t width,
                    uint16_t* __restrict out) {
  const Levels l = levels;
  for (int64_t i = 0; i < width; ++i) out[i] = to_bf16(level(in[i], l));
}

void saturate_row(float* const rgb[3], float factor, int64_t width) {
  float* __restrict red = rgb[0], * __restrict green = rgb[1], * __restrict blue = rgb[2];
  for (int64_t i = 0; i < width; ++i) {
    const float grey = kGrey[0] * red[i] + kGrey[1] * green[i] + kGrey[2] * blue[i];
    red[i] = clamp01(grey + (red[i] - grey) * factor);
    green[i] = clamp01(grey + (green[i] - grey) * factor);
    blue[i] = clamp01(grey + (blue[i] - grey) * factor);
  }
}

// A channel's place in its fall and rise around the circle, [0,1], `at` sixths from its corner; [0,12).
inline float fall(float at) {
  at = at >= 6 ? at - 6 : at;
  return clamp01(at_most(at, 4 - at));
}

void turn_hue_row(float* const rgb[3], float turns, int64_t width) {
  float* __restrict reds = rgb[0], * __restrict greens = rgb[1], * __restrict blues = rgb[2];
  const float sixths = turns * 6;
  for (int64_t i = 0; i < width; ++i) {
    const float red = reds[i], green = greens[i], blue = blues[i];
    const float value = at_least(at_least(red, green), blue);
    const float chroma = value - at_most(at_most(red, green), blue);
    const float per_chroma = 1 / (chroma == 0 ? 1.0F : chroma);
    const float from_red = (green - blue) * per_chroma, from_green = (blue - red) * per_chroma + 2,
                from_blue = (red - green) * per_chroma + 4;
    float hue = (value == red ? from_red : value == green ? from_green : from_blue) + sixths;  // [-1,11]
    hue = hue >= 6 ? hue - 6 : hue;
    reds[i] = value - chroma * fall(hue + 5);
    greens[i] = value - chroma * fall(hue + 3);
    blues[i] = value - chroma * fall(hue + 1);
  }
}

void scale_row(const float* __restrict in, float scale, float shift, int64_t width, float* __restrict out) {
  for (int64_t i = 0; i < width; ++i) out[i] = in[i] * scale + shift;
}

void scale_row_bf16(const float* __restrict in, float scale, float shift, int64_t width,
                    uint16_t* __restrict out) {
  for (int64_t i = 0; i < width; ++i) out[i] = to_bf16(in[i] * scale + shift);
}

constexpr AugmentKernel kernel_of(const char* name) {
  return {.name = name,
          .warp_row = warp_row,
          .interleave_row = interleave_row,
          .copy_row = copy_row,
          .mirror_row = mirror_row,
          .sum_row = sum_row,
          .blur_down = blur_down,
          .blur_across = blur_across,
          .level_row = level_row,
          .level_row_bf16 = level_row_bf16,
          .saturate_row = saturate_row,
          .turn_hue_row = turn_hue_row,
          .scale_row = scale_row,
          .scale_row_bf16 = scale_row_bf16};
}

}  // namespace
}  // namespace athanor
