// The bilinear row for AVX-512 (F, BW, DQ, VL): 16 pixels at once. One 64-bit load brings two neighbouring
// pixels with all their channels; products of 8-bit values and 15-bit weights are summed in whole numbers.
#include "src/ops/augment_rows.h"

#if defined(__x86_64__)
// g++ 12 takes its own _mm512_undefined_ps() for a mistake (GCC bug 105593).
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#include <immintrin.h>

#include "src/ops/augment_position.h"
#include "src/ops/augment_reference.h"

#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")

namespace athanor {
namespace {

// 16 places along one axis.
struct Axis {
  __m512i low, high;  // 2^-32 pixels, eight each
  __m512i stride;     // to the next sixteen

  Axis(int64_t start, int64_t step) {
    const __m512i lanes = _mm512_set_epi64(7, 6, 5, 4, 3, 2, 1, 0);
    const __m512i from = _mm512_set1_epi64(start + (1 << 16));  // half a unit: the shift below rounds
    low = _mm512_add_epi64(from, _mm512_mullo_epi64(lanes, _mm512_set1_epi64(step)));
    high = _mm512_add_epi64(low, _mm512_set1_epi64(8 * step));
    stride = _mm512_set1_epi64(16 * step);
  }
  void advance() {
    low = _mm512_add_epi64(low, stride);
    high = _mm512_add_epi64(high, stride);
  }
  // What position() gives.
  template <bool kReflect>
  __m512i positions(int32_t side) const {
    const __m256i first = _mm512_cvtsepi64_epi32(_mm512_srai_epi64(low, 17));
    const __m256i second = _mm512_cvtsepi64_epi32(_mm512_srai_epi64(high, 17));
    __m512i at = _mm512_inserti64x4(_mm512_castsi256_si512(first), second, 1);
    const int32_t end = side * kOnePixel;
    at = _mm512_max_epi32(at, _mm512_set1_epi32(kReflect ? -end : -2 * kOnePixel));
    at = _mm512_min_epi32(at, _mm512_set1_epi32(kReflect ? 2 * end : end));
    if (!kReflect) return at;
    const __m512i half = _mm512_set1_epi32(kOnePixel / 2);
    const __m512i edge = _mm512_abs_epi32(_mm512_add_epi32(at, half));
    return _mm512_sub_epi32(_mm512_min_epi32(edge, _mm512_sub_epi32(_mm512_set1_epi32(2 * end), edge)), half);
  }
};

// Pairs of one channel as 16-bit numbers, times pairs of weights, summed: minus the horizontal mean * 2^15.
__m512i across(__m512i pixels, __m512i bytes, __m512i weights) {
  return _mm512_madd_epi16(_mm512_shuffle_epi8(pixels, bytes), weights);
}

// The same of the blue of two vectors, alternating.
__m512i across_both(__m512i even, __m512i odd, __m512i even_bytes, __m512i odd_bytes, __m512i weights) {
  const __m512i pairs =
      _mm512_mask_shuffle_epi8(_mm512_shuffle_epi8(even, even_bytes), 0xf0f0f0f0f0f0f0f0ULL, odd, odd_bytes);
  return _mm512_madd_epi16(pairs, weights);
}

// Down the two rows, scaled, limited and rounded.
__m512i down(__m512i above, __m512i below, __m512 part_y, __m512 scale) {
  const __m512 difference = _mm512_cvtepi32_ps(_mm512_sub_epi32(below, above));
  const __m512 value = _mm512_fmadd_ps(difference, part_y, _mm512_cvtepi32_ps(above));
  return _mm512_cvtps_epi32(
      _mm512_min_ps(_mm512_mul_ps(value, scale), _mm512_set1_ps(static_cast<float>(kUnit))));
}

__m128i mask_bytes(__m512i above, __m512i below, __mmask8 lower, __mmask8 right) {
  const __m512i row = _mm512_mask_blend_epi64(lower, above, below);
  const __m512i shift = _mm512_mask_blend_epi64(right, _mm512_set1_epi64(24), _mm512_set1_epi64(56));
  return _mm512_cvtepi64_epi8(_mm512_srlv_epi64(row, shift));
}

template <bool kReflect>
void warp_row_with(const InterleavedPicture& from, const RowWalk& walk, float brightness, int64_t width,
                   const RowOut& out) {
  // Of each pair of pixels (8 bytes: R G B M R G B M): reds and greens, or blues, as 16-bit pairs.
  const __m512i red_green = _mm512_set4_epi32(static_cast<int>(0xff0dff09U), static_cast<int>(0xff0cff08U),
                                              static_cast<int>(0xff05ff01U), static_cast<int>(0xff04ff00U));
  const __m512i blue_even =
      _mm512_set4_epi32(-1, static_cast<int>(0xff0eff0aU), -1, static_cast<int>(0xff06ff02U));
  const __m512i blue_odd =
      _mm512_set4_epi32(static_cast<int>(0xff0eff0aU), -1, static_cast<int>(0xff06ff02U), -1);
  const __m512i twice_low = _mm512_set_epi32(7, 7, 6, 6, 5, 5, 4, 4, 3, 3, 2, 2, 1, 1, 0, 0);
  const __m512i twice_high = _mm512_add_epi32(twice_low, _mm512_set1_epi32(8));
  const __m512i zipped = _mm512_set_epi32(15, 7, 14, 6, 13, 5, 12, 4, 11, 3, 10, 2, 9, 1, 8, 0);
  const __m512i evens = _mm512_set_epi32(30, 28, 26, 24, 22, 20, 18, 16, 14, 12, 10, 8, 6, 4, 2, 0);
  const __m512i odds = _mm512_add_epi32(evens, _mm512_set1_epi32(1));
  const __m512i unzipped = _mm512_set_epi32(15, 13, 11, 9, 7, 5, 3, 1, 14, 12, 10, 8, 6, 4, 2, 0);
  const __m512i part_bits = _mm512_set1_epi32(kOnePixel - 1), half = _mm512_set1_epi32(kOnePixel / 2);
  const __m512i stride = _mm512_set1_epi32(static_cast<int>(from.stride));
  const __m512 scale = _mm512_set1_ps(-brightness * 256 / kOnePixel);
  const auto* upper = reinterpret_cast<const long long*>(from.pixels);
  const auto* lower = reinterpret_cast<const long long*>(from.pixels + from.stride);
  Axis axis_x(walk.x, walk.step_x), axis_y(walk.y, walk.step_y);

  for (int64_t i = 0; i < width; i += 16, axis_x.advance(), axis_y.advance()) {
    const __m512i x = axis_x.positions<kReflect>(from.width);
    const __m512i y = axis_y.positions<kReflect>(from.height);
    const __m512i part_x = _mm512_and_si512(x, part_bits), part_y = _mm512_and_si512(y, part_bits);
    // Rows and strides fit in 16 bits: one multiply of the low halves.
    const __m512i row = _mm512_and_si512(_mm512_srai_epi32(y, kPositionBits), _mm512_set1_epi32(0xffff));
    const __m512i place =
        _mm512_add_epi32(_mm512_madd_epi16(row, stride), _mm512_srai_epi32(x, kPositionBits));
    const __m256i low = _mm512_castsi512_si256(place), high = _mm512_extracti64x4_epi64(place, 1);
    const __m512i above_low = _mm512_i32gather_epi64(low, upper, 4);
    const __m512i above_high = _mm512_i32gather_epi64(high, upper, 4);
    const __m512i below_low = _mm512_i32gather_epi64(low, lower, 4);
    const __m512i below_high = _mm512_i32gather_epi64(high, lower, 4);

    // (part - 2^15, -part): 2^15 itself would not fit.
    const __m512i weights =
        _mm512_or_si512(_mm512_or_si512(part_x, _mm512_set1_epi32(kOnePixel)),
                        _mm512_slli_epi32(_mm512_sub_epi32(_mm512_setzero_si512(), part_x), 16));
    const __m512 down_part = _mm512_mul_ps(_mm512_cvtepi32_ps(part_y), _mm512_set1_ps(1.0F / kOnePixel));
    const __m512i weights_low = _mm512_permutexvar_epi32(twice_low, weights);
    const __m512i weights_high = _mm512_permutexvar_epi32(twice_high, weights);
    const __m512i weights_both = _mm512_permutexvar_epi32(zipped, weights);
    const __m512i first =
        down(across(above_low, red_green, weights_low), across(below_low, red_green, weights_low),
             _mm512_permutexvar_ps(twice_low, down_part), scale);
    const __m512i second =
        down(across(above_high, red_green, weights_high), across(below_high, red_green, weights_high),
             _mm512_permutexvar_ps(twice_high, down_part), scale);
    const __m512i blue = down(across_both(above_low, above_high, blue_even, blue_odd, weights_both),
                              across_both(below_low, below_high, blue_even, blue_odd, weights_both),
                              _mm512_permutexvar_ps(zipped, down_part), scale);
    const auto store = [i](uint16_t* to, __m512i values) {
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + i), _mm512_cvtepi32_epi16(values));
    };
    store(out.rgb[0], _mm512_permutex2var_epi32(first, evens, second));
    store(out.rgb[1], _mm512_permutex2var_epi32(first, odds, second));
    store(out.rgb[2], _mm512_permutexvar_epi32(unzipped, blue));
    if (out.mask == nullptr) continue;
    const __mmask16 is_lower = _mm512_cmpge_epi32_mask(part_y, half);
    const __mmask16 is_right = _mm512_cmpge_epi32_mask(part_x, half);
    const __m128i mask = _mm_unpacklo_epi64(
        mask_bytes(above_low, below_low, static_cast<__mmask8>(is_lower), static_cast<__mmask8>(is_right)),
        mask_bytes(above_high, below_high, static_cast<__mmask8>(is_lower >> 8),
                   static_cast<__mmask8>(is_right >> 8)));
    const int64_t left = width - i;
    _mm_mask_storeu_epi8(out.mask + i, static_cast<__mmask16>(left >= 16 ? 0xffff : (1 << left) - 1), mask);
  }
}

void warp_row(const InterleavedPicture& from, const RowWalk& walk, float brightness, int64_t width,
              const RowOut& out) {
  (walk.reflect ? warp_row_with<true> : warp_row_with<false>)(from, walk, brightness, width, out);
}

}  // namespace
}  // namespace athanor

#include "src/ops/augment_rows_body.h"

namespace athanor {

const AugmentKernel kAugmentAvx512 = kernel_of("avx512");

}  // namespace athanor
#endif
