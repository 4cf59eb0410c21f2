// The passes of resizing for AVX2. Pairs of 8-bit pixels and of 16-bit weights are multiplied and added at
// once; a weight of more bits comes as two of 16.
#include "data/images/resize_rows.h"

#if defined(__x86_64__)
#include <immintrin.h>

#include <cstring>

#pragma GCC target("avx2")

namespace athanor {
namespace {

constexpr int64_t kLoadBytes = 16;  // of which four pixels are used

// Four pixels of a row as pairs of 16 bits: R0 R1 R2 R3 G0 G1 G2 G3 | B0 B1 B2 B3 0 0 0 0.
inline __m256i four_pixels(const uint8_t* from) {
  const __m256i order = _mm256_setr_epi8(0, -1, 3, -1, 6, -1, 9, -1, 1, -1, 4, -1, 7, -1, 10, -1,  //
                                         2, -1, 5, -1, 8, -1, 11, -1, -1, -1, -1, -1, -1, -1, -1, -1);
  const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
  return _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(bytes), order);
}

inline __m256i four_weights(const int16_t* weights) {
  int64_t bits;
  std::memcpy(&bits, weights, sizeof bits);
  return _mm256_set1_epi64x(bits);
}

// The byte behind a pixel belongs to the next one, which comes later; behind the last one, to another row.
inline void put(uint8_t* to, int pixel, bool last) {
  std::memcpy(to, &pixel, 2);
  if (last)
    to[2] = static_cast<uint8_t>(pixel >> 16);
  else
    std::memcpy(to, &pixel, 4);
}

// Four rows of sums, as four_pixels() has them but halved, to four pixels of which the fourth byte is 0.
inline __m128i finish(const __m256i sums[4], __m128i half, __m128i bits) {
  const __m256i start = _mm256_broadcastsi128_si256(half);
  const __m256i first = _mm256_sra_epi32(_mm256_add_epi32(_mm256_hadd_epi32(sums[0], sums[1]), start), bits);
  const __m256i second = _mm256_sra_epi32(_mm256_add_epi32(_mm256_hadd_epi32(sums[2], sums[3]), start), bits);
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
    __m256i sums[4] = {}, small[4] = {};
    for (int64_t k = 0; k < count; k += kTapGroup) {
      const __m256i weights = four_weights(high + k), rest = kTwo ? four_weights(low + k) : weights;
      for (int row = 0; row < 4; ++row) {
        const __m256i pixels = four_pixels(pixel + row * from_stride + 3 * k);
        sums[row] = _mm256_add_epi32(sums[row], _mm256_madd_epi16(pixels, weights));
        if (kTwo) small[row] = _mm256_add_epi32(small[row], _mm256_madd_epi16(pixels, rest));
      }
    }
    if (kTwo)
      for (int row = 0; row < 4; ++row)
        sums[row] = _mm256_add_epi32(_mm256_sll_epi32(sums[row], split), small[row]);
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

inline __m256i wide(const uint8_t* from) {
  return _mm256_cvtepu8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)));
}

inline __m256i weight_pair(const int16_t* weights) {
  int32_t bits;
  std::memcpy(&bits, weights, sizeof bits);
  return _mm256_set1_epi32(bits);
}

template <bool kTwo>
void down_16(const uint8_t* from, int64_t stride, int64_t count, const int16_t* high, const int16_t* low,
             const Taps& taps, uint8_t* to) {
  __m256i sums[2] = {}, small[2] = {};
  for (int64_t k = 0; k < count; k += 2) {
    const uint8_t* row = from + k * stride;
    const __m256i upper = wide(row), lower = wide(k + 1 < count ? row + stride : row);
    const __m256i pairs[2] = {_mm256_unpacklo_epi16(upper, lower), _mm256_unpackhi_epi16(upper, lower)};
    for (int i = 0; i < 2; ++i) {
      sums[i] = _mm256_add_epi32(sums[i], _mm256_madd_epi16(pairs[i], weight_pair(high + k)));
      if (kTwo) small[i] = _mm256_add_epi32(small[i], _mm256_madd_epi16(pairs[i], weight_pair(low + k)));
    }
  }
  const __m256i half = _mm256_set1_epi32(1 << (taps.bits - 1));
  for (int i = 0; i < 2; ++i) {
    if (kTwo) sums[i] = _mm256_add_epi32(_mm256_sll_epi32(sums[i], _mm_cvtsi32_si128(taps.split)), small[i]);
    sums[i] = _mm256_sra_epi32(_mm256_add_epi32(sums[i], half), _mm_cvtsi32_si128(taps.bits));
  }
  const __m256i words = _mm256_packs_epi32(sums[0], sums[1]);
  _mm_storeu_si128(reinterpret_cast<__m128i*>(to),
                   _mm_packus_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1)));
}

void down(const RowsPass& pass, int64_t bytes, const Taps& taps, int64_t target) {
  const int64_t count = taps.count[target];
  const int16_t* high = taps.high + target * taps.stride;
  const int16_t* low = taps.low == nullptr ? nullptr : taps.low + target * taps.stride;
  const uint8_t* from = pass.from + taps.first[target] * pass.from_stride;
  int64_t at = 0;
  for (; at + 16 <= bytes; at += 16)
    if (low == nullptr)
      down_16<false>(from + at, pass.from_stride, count, high, low, taps, pass.to + at);
    else
      down_16<true>(from + at, pass.from_stride, count, high, low, taps, pass.to + at);
  kResizePlain.down({pass.from + at, pass.from_stride, pass.to + at, 0}, bytes - at, taps, target);
}

}  // namespace

const ResizeKernel kResizeAvx2 = {"AVX2", across, down};

}  // namespace athanor
#endif
