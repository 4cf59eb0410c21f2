// The rows for AVX2 and FMA. The bilinear row: 8 pixels at once; one 64-bit load brings two neighbouring
// pixels with all their channels; products of 8-bit values and 15-bit weights are summed in whole numbers.
#include "src/ops/augment_rows.h"

#if defined(__x86_64__)
#include <immintrin.h>

#include "src/ops/augment_position.h"
#include "src/ops/augment_reference.h"

#pragma GCC target("avx2,fma")

namespace athanor {
namespace {

// Eight places along one axis.
struct Axis {
  __m256i low, high;  // 2^-32 pixels, four each
  __m256i stride;     // to the next eight
  // Added before a shift without sign, and taken off after it.
  static constexpr int64_t kBias = int64_t{1} << 62;

  Axis(int64_t start, int64_t step) {
    const int64_t from = start + (1 << 16) + kBias;  // half a unit: the shift rounds
    low = _mm256_set_epi64x(from + 3 * step, from + 2 * step, from + step, from);
    high = _mm256_add_epi64(low, _mm256_set1_epi64x(4 * step));
    stride = _mm256_set1_epi64x(8 * step);
  }
  void advance() {
    low = _mm256_add_epi64(low, stride);
    high = _mm256_add_epi64(high, stride);
  }

  // In 2^-15 pixels within the limits, in the low halves.
  static __m256i limited(__m256i fixed, __m256i lowest, __m256i highest) {
    const __m256i at = _mm256_sub_epi64(_mm256_srli_epi64(fixed, 17), _mm256_set1_epi64x(kBias >> 17));
    const __m256i above = _mm256_blendv_epi8(at, lowest, _mm256_cmpgt_epi64(lowest, at));
    return _mm256_blendv_epi8(above, highest, _mm256_cmpgt_epi64(above, highest));
  }
  // What position() gives.
  __m256i positions(int32_t side, bool reflect) const {
    const int64_t end = static_cast<int64_t>(side) * kOnePixel;
    const __m256i lowest = _mm256_set1_epi64x(reflect ? -end : -2 * kOnePixel);
    const __m256i highest = _mm256_set1_epi64x(reflect ? 2 * end : end);
    const __m256 first = _mm256_castsi256_ps(limited(low, lowest, highest));
    const __m256 second = _mm256_castsi256_ps(limited(high, lowest, highest));
    const __m256i halves = _mm256_castps_si256(_mm256_shuffle_ps(first, second, _MM_SHUFFLE(2, 0, 2, 0)));
    const __m256i at = _mm256_permute4x64_epi64(halves, _MM_SHUFFLE(3, 1, 2, 0));
    if (!reflect) return at;
    const __m256i half = _mm256_set1_epi32(kOnePixel / 2);
    const __m256i edge = _mm256_abs_epi32(_mm256_add_epi32(at, half));
    const __m256i mirror = _mm256_sub_epi32(_mm256_set1_epi32(static_cast<int32_t>(2 * end)), edge);
    return _mm256_sub_epi32(_mm256_min_epi32(edge, mirror), half);
  }
};

// The two rows of pixels around eight positions: four pairs of neighbours each.
struct Pairs {
  __m256i above_low, above_high, below_low, below_high;

  Pairs(const InterleavedPicture& from, __m256i x, __m256i y) {
    const __m256i row = _mm256_mullo_epi32(_mm256_srai_epi32(y, kPositionBits),
                                           _mm256_set1_epi32(static_cast<int32_t>(from.stride)));
    const __m256i place = _mm256_add_epi32(row, _mm256_srai_epi32(x, kPositionBits));
    const __m128i low = _mm256_castsi256_si128(place), high = _mm256_extracti128_si256(place, 1);
    const auto* upper = reinterpret_cast<const long long*>(from.pixels);
    const auto* lower = reinterpret_cast<const long long*>(from.pixels + from.stride);
    above_low = _mm256_i32gather_epi64(upper, low, 4);
    above_high = _mm256_i32gather_epi64(upper, high, 4);
    below_low = _mm256_i32gather_epi64(lower, low, 4);
    below_high = _mm256_i32gather_epi64(lower, high, 4);
  }
};

// Pairs of one channel as 16-bit numbers, times pairs of weights, summed: minus the horizontal mean * 2^15.
__m256i across(__m256i pixels, __m256i bytes, __m256i weights) {
  return _mm256_madd_epi16(_mm256_shuffle_epi8(pixels, bytes), weights);
}

// Down the two rows, scaled, limited and rounded.
__m256i down(__m256i above, __m256i below, __m256 part_y, __m256 scale) {
  const __m256 difference = _mm256_cvtepi32_ps(_mm256_sub_epi32(below, above));
  const __m256 value = _mm256_fmadd_ps(difference, part_y, _mm256_cvtepi32_ps(above));
  return _mm256_cvtps_epi32(
      _mm256_min_ps(_mm256_mul_ps(value, scale), _mm256_set1_ps(static_cast<float>(kUnit))));
}

__m256i four(int a, int b, int c, int d) { return _mm256_set_epi32(d, c, b, a, d, c, b, a); }
__m256i four(uint32_t a, uint32_t b, uint32_t c, uint32_t d) {
  return four(static_cast<int>(a), static_cast<int>(b), static_cast<int>(c), static_cast<int>(d));
}

void store(uint16_t* to, __m256i values) {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(to),
                   _mm_packus_epi32(_mm256_castsi256_si128(values), _mm256_extracti128_si256(values, 1)));
}

// The 64-bit parts of two vectors that _mm256_shuffle_ps has put together lane by lane.
__m256i in_order(__m256 values) {
  return _mm256_permute4x64_epi64(_mm256_castps_si256(values), _MM_SHUFFLE(3, 1, 2, 0));
}

void colours(const Pairs& pairs, __m256i part_x, __m256i part_y, __m256 scale, uint16_t* const rgb[3],
             int64_t i) {
  // Of each pair of pixels (8 bytes: R G B M R G B M): reds and greens, or blues, as 16-bit pairs.
  const __m256i red_green = four(0xff04ff00U, 0xff05ff01U, 0xff0cff08U, 0xff0dff09U);
  const __m256i blue_even = four(0xff06ff02U, 0xffffffffU, 0xff0eff0aU, 0xffffffffU);
  const __m256i blue_odd = four(0xffffffffU, 0xff06ff02U, 0xffffffffU, 0xff0eff0aU);
  const __m256i twice_low = _mm256_set_epi32(3, 3, 2, 2, 1, 1, 0, 0);
  const __m256i twice_high = _mm256_set_epi32(7, 7, 6, 6, 5, 5, 4, 4);
  const __m256i zipped = _mm256_set_epi32(7, 3, 6, 2, 5, 1, 4, 0);
  const __m256i unzipped = _mm256_set_epi32(7, 5, 3, 1, 6, 4, 2, 0);
  // (part - 2^15, -part): 2^15 itself would not fit.
  const __m256i weights =
      _mm256_or_si256(_mm256_or_si256(part_x, _mm256_set1_epi32(kOnePixel)),
                      _mm256_slli_epi32(_mm256_sub_epi32(_mm256_setzero_si256(), part_x), 16));
  const __m256 down_part = _mm256_mul_ps(_mm256_cvtepi32_ps(part_y), _mm256_set1_ps(1.0F / kOnePixel));
  const auto two = [&](__m256i above, __m256i below, __m256i lanes) {
    const __m256i w = _mm256_permutevar8x32_epi32(weights, lanes);
    return down(across(above, red_green, w), across(below, red_green, w),
                _mm256_permutevar8x32_ps(down_part, lanes), scale);
  };
  const __m256 first = _mm256_castsi256_ps(two(pairs.above_low, pairs.below_low, twice_low));
  const __m256 second = _mm256_castsi256_ps(two(pairs.above_high, pairs.below_high, twice_high));
  store(rgb[0] + i, in_order(_mm256_shuffle_ps(first, second, _MM_SHUFFLE(2, 0, 2, 0))));
  store(rgb[1] + i, in_order(_mm256_shuffle_ps(first, second, _MM_SHUFFLE(3, 1, 3, 1))));
  const auto blues = [&](__m256i even, __m256i odd, __m256i w) {
    return _mm256_madd_epi16(
        _mm256_or_si256(_mm256_shuffle_epi8(even, blue_even), _mm256_shuffle_epi8(odd, blue_odd)), w);
  };
  const __m256i w = _mm256_permutevar8x32_epi32(weights, zipped);
  const __m256i blue =
      down(blues(pairs.above_low, pairs.above_high, w), blues(pairs.below_low, pairs.below_high, w),
           _mm256_permutevar8x32_ps(down_part, zipped), scale);
  store(rgb[2] + i, _mm256_permutevar8x32_epi32(blue, unzipped));
}

// The mask bytes of four pairs, in the low dwords of its 64-bit lanes.
__m256i mask_of(__m256i above, __m256i below, __m128i lower, __m128i right) {
  const __m256i row = _mm256_blendv_epi8(above, below, _mm256_cvtepi32_epi64(lower));
  const __m256i shift =
      _mm256_blendv_epi8(_mm256_set1_epi64x(24), _mm256_set1_epi64x(56), _mm256_cvtepi32_epi64(right));
  return _mm256_and_si256(_mm256_srlv_epi64(row, shift), _mm256_set1_epi64x(255));
}

// Eight mask bytes in the low half.
__m128i mask_bytes(const Pairs& pairs, __m256i part_x, __m256i part_y) {
  const __m256i below_half = _mm256_set1_epi32(kOnePixel / 2 - 1);
  const __m256i lower = _mm256_cmpgt_epi32(part_y, below_half),
                right = _mm256_cmpgt_epi32(part_x, below_half);
  const __m256i low =
      mask_of(pairs.above_low, pairs.below_low, _mm256_castsi256_si128(lower), _mm256_castsi256_si128(right));
  const __m256i high = mask_of(pairs.above_high, pairs.below_high, _mm256_extracti128_si256(lower, 1),
                               _mm256_extracti128_si256(right, 1));
  const __m256i dwords = _mm256_or_si256(low, _mm256_slli_epi64(high, 32));  // pixels 0 4 1 5 2 6 3 7
  const __m256i order = _mm256_set_epi32(7, 5, 3, 1, 6, 4, 2, 0);
  const __m256i sorted = _mm256_permutevar8x32_epi32(dwords, order);
  const __m128i words = _mm_packus_epi32(_mm256_castsi256_si128(sorted), _mm256_extracti128_si256(sorted, 1));
  return _mm_packus_epi16(words, words);
}

void warp_row(const InterleavedPicture& from, const RowWalk& walk, float brightness, int64_t width,
              const RowOut& out) {
  const __m256i part_bits = _mm256_set1_epi32(kOnePixel - 1);
  const __m256 scale = _mm256_set1_ps(-brightness * 256 / kOnePixel);
  Axis axis_x(walk.x, walk.step_x), axis_y(walk.y, walk.step_y);
  for (int64_t i = 0; i < width; i += 8, axis_x.advance(), axis_y.advance()) {
    const __m256i x = axis_x.positions(from.width, walk.reflect);
    const __m256i y = axis_y.positions(from.height, walk.reflect);
    const __m256i part_x = _mm256_and_si256(x, part_bits), part_y = _mm256_and_si256(y, part_bits);
    const Pairs pairs(from, x, y);
    colours(pairs, part_x, part_y, scale, out.rgb, i);
    if (out.mask == nullptr) continue;
    const __m128i mask = mask_bytes(pairs, part_x, part_y);
    if (width - i >= 8) {
      _mm_storel_epi64(reinterpret_cast<__m128i*>(out.mask + i), mask);
      continue;
    }
    auto left = static_cast<uint64_t>(_mm_cvtsi128_si64(mask));
    for (int64_t k = i; k < width; ++k, left >>= 8) out.mask[k] = static_cast<uint8_t>(left);
  }
}

}  // namespace
}  // namespace athanor

#include "src/ops/augment_rows_body.h"

namespace athanor {

const AugmentKernel kAugmentAvx2 = kernel_of("avx2");

}  // namespace athanor
#endif
