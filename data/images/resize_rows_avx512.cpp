// The passes of resizing for AVX-512 (F, BW, DQ, VL), as resize_rows_avx2.cpp has them: two rows, or 32
// bytes, at once.
#include "data/images/resize_rows.h"

#if defined(__x86_64__)
// g++ 12 takes its own _mm512_undefined_epi32() for a mistake (GCC bug 105593).
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#include <immintrin.h>

#include <cstring>

#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,avx2")

namespace athanor {
namespace {

constexpr int64_t kLoadBytes = 16;  // of which four pixels are used

// Four pixels of two rows as pairs of 16 bits: R0 R1 R2 R3 G0 G1 G2 G3 | B0 B1 B2 B3 0 0 0 0, then the other
// row.
inline __m512i four_pixels(const uint8_t* upper, const uint8_t* lower) {
  const __m512i order =
      _mm512_broadcast_i64x4(_mm256_setr_epi8(0, -1, 3, -1, 6, -1, 9, -1, 1, -1, 4, -1, 7, -1, 10, -1,  //
                                              2, -1, 5, -1, 8, -1, 11, -1, -1, -1, -1, -1, -1, -1, -1, -1));
  const __m512i first = _mm512_broadcast_i32x4(_mm_loadu_si128(reinterpret_cast<const __m128i*>(upper)));
  const __m128i second = _mm_loadu_si128(reinterpret_cast<const __m128i*>(lower));
  return _mm512_shuffle_epi8(_mm512_mask_broadcast_i32x4(first, 0xFF00, second), order);
}

inline __m512i four_weights(const int16_t* weights) {
  int64_t bits;
  std::memcpy(&bits, weights, sizeof bits);
  return _mm512_set1_epi64(bits);
}

// The byte behind a pixel belongs to the next one, which comes later; behind the last one, to another row.
inline void put(uint8_t* to, int pixel, bool last) {
  std::memcpy(to, &pixel, 2);
  if (last)
    to[2] = static_cast<uint8_t>(pixel >> 16);
  else
    std::memcpy(to, &pixel, 4);
}

// Two pairs of rows of sums, as four_pixels() has them but halved, to four pixels of which the fourth byte is
// 0.
inline __m128i finish(const __m512i sums[2], __m128i half, __m128i bits) {
  const auto upper = [&](int i) { return _mm512_castsi512_si256(sums[i]); };
  const auto lower = [&](int i) { return _mm512_extracti64x4_epi64(sums[i], 1); };
  const __m256i start = _mm256_broadcastsi128_si256(half);
  const __m256i first =
      _mm256_sra_epi32(_mm256_add_epi32(_mm256_hadd_epi32(upper(0), lower(0)), start), bits);
  const __m256i second =
      _mm256_sra_epi32(_mm256_add_epi32(_mm256_hadd_epi32(upper(1), lower(1)), start), bits);
  const __m256i words = _mm256_packs_epi32(first, second);
  const __m128i red_green = _mm256_castsi256_si128(words), blue = _mm256_extracti128_si256(words, 1);
  return _mm_packus_epi16(_mm_unpacklo_epi32(red_green, blue), _mm_unpackhi_epi32(red_green, blue));
}

template <bool kTwo>
void across_four(const RowsPass& pass, const uint8_t* from, uint8_t* to, const Taps& taps, int64_t left,
                 int64_t out) {
  const __m128i half = _mm_set1_epi32(1 << (taps.bits - 1)), bits = _mm_cvtsi32_si128(taps.bits);
  const __m128i split = _mm_cvtsi32_si128(taps.split);
  // Copies: stores of bytes might change what is behind a reference.
  const int64_t from_stride = pass.from_stride, to_stride = pass.to_stride, stride = taps.stride;
  const int32_t *first = taps.first + left, *counts = taps.count + left;
  const int16_t* high = taps.high + left * stride;
  const int16_t* low = kTwo ? taps.low + left * stride : nullptr;
  for (int64_t x = 0; x < out; ++x, high += stride, low += kTwo ? stride : 0) {
    const uint8_t* pixel = from + int64_t{3} * first[x];
    const int64_t count = counts[x];
    __m512i sums[2] = {}, small[2] = {};
    for (int64_t k = 0; k < count; k += kTapGroup) {
      const __m512i weights = four_weights(high + k), rest = kTwo ? four_weights(low + k) : weights;
      for (int pair = 0; pair < 2; ++pair) {
        const uint8_t* upper = pixel + 2 * pair * from_stride + 3 * k;
        const __m512i pixels = four_pixels(upper, upper + from_stride);
        sums[pair] = _mm512_add_epi32(sums[pair], _mm512_madd_epi16(pixels, weights));
        if (kTwo) small[pair] = _mm512_add_epi32(small[pair], _mm512_madd_epi16(pixels, rest));
      }
    }
    if (kTwo)
      for (int pair = 0; pair < 2; ++pair)
        sums[pair] = _mm512_add_epi32(_mm512_sll_epi32(sums[pair], split), small[pair]);
    const __m128i pixels = finish(sums, half, bits);
    const bool last = x + 1 == out;
    put(to + 3 * x, _mm_cvtsi128_si32(pixels), last);
    put(to + to_stride + 3 * x, _mm_extract_epi32(pixels, 1), last);
    put(to + 2 * to_stride + 3 * x, _mm_extract_epi32(pixels, 2), last);
    put(to + 3 * to_stride + 3 * x, _mm_extract_epi32(pixels, 3), last);
  }
}

// Loads may pass a row's end by less than kLoadBytes: rows that have no such room behind them are left to the
// plain loop.
void across(const RowsPass& pass, int64_t rows, int64_t width, const Taps& taps, int64_t left, int64_t out) {
  const int64_t room = (kLoadBytes + 3 * width - 1) / (3 * width);
  int64_t y = 0;
  for (; y + 4 + room <= rows; y += 4) {
    const uint8_t* from = pass.from + y * pass.from_stride;
    uint8_t* to = pass.to + y * pass.to_stride;
    if (taps.low == nullptr)
      across_four<false>(pass, from, to, taps, left, out);
    else
      across_four<true>(pass, from, to, taps, left, out);
  }
  kResizePlain.across(
      {pass.from + y * pass.from_stride, pass.from_stride, pass.to + y * pass.to_stride, pass.to_stride},
      rows - y, width, taps, left, out);
}

inline __m512i weight_pair(const int16_t* weights) {
  int32_t bits;
  std::memcpy(&bits, weights, sizeof bits);
  return _mm512_set1_epi32(bits);
}

template <bool kTwo>
void down_some(const uint8_t* from, int64_t stride, int64_t count, const int16_t* high, const int16_t* low,
               const Taps& taps, uint8_t* to, __mmask32 some) {
  const auto wide = [&](const uint8_t* at) {
    return _mm512_cvtepu8_epi16(_mm256_maskz_loadu_epi8(some, at));
  };
  __m512i sums[2] = {}, small[2] = {};
  for (int64_t k = 0; k < count; k += 2) {
    const uint8_t* row = from + k * stride;
    const __m512i upper = wide(row), lower = wide(k + 1 < count ? row + stride : row);
    const __m512i pairs[2] = {_mm512_unpacklo_epi16(upper, lower), _mm512_unpackhi_epi16(upper, lower)};
    for (int i = 0; i < 2; ++i) {
      sums[i] = _mm512_add_epi32(sums[i], _mm512_madd_epi16(pairs[i], weight_pair(high + k)));
      if (kTwo) small[i] = _mm512_add_epi32(small[i], _mm512_madd_epi16(pairs[i], weight_pair(low + k)));
    }
  }
  const __m512i half = _mm512_set1_epi32(1 << (taps.bits - 1));
  for (int i = 0; i < 2; ++i) {
    if (kTwo) sums[i] = _mm512_add_epi32(_mm512_sll_epi32(sums[i], _mm_cvtsi32_si128(taps.split)), small[i]);
    sums[i] = _mm512_sra_epi32(_mm512_add_epi32(sums[i], half), _mm_cvtsi32_si128(taps.bits));
  }
  const __m512i words = _mm512_max_epi16(_mm512_packs_epi32(sums[0], sums[1]), _mm512_setzero_si512());
  _mm256_mask_storeu_epi8(to, some, _mm512_cvtusepi16_epi8(words));
}

void down(const RowsPass& pass, int64_t bytes, const Taps& taps, int64_t target) {
  const int64_t count = taps.count[target];
  const int16_t* high = taps.high + target * taps.stride;
  const int16_t* low = taps.low == nullptr ? nullptr : taps.low + target * taps.stride;
  const uint8_t* from = pass.from + taps.first[target] * pass.from_stride;
  for (int64_t at = 0; at < bytes; at += 32) {
    const __mmask32 some = bytes - at >= 32 ? ~0U : (1U << (bytes - at)) - 1;
    if (low == nullptr)
      down_some<false>(from + at, pass.from_stride, count, high, low, taps, pass.to + at, some);
    else
      down_some<true>(from + at, pass.from_stride, count, high, low, taps, pass.to + at, some);
  }
}

}  // namespace

const ResizeKernel kResizeAvx512 = {"AVX-512", across, down};

}  // namespace athanor
#endif
