// The walk's loops for AVX-512 (F, BW, DQ, VL): 16 differences, 32 distances, 64 levels at once.
#include "src/rqa/walk_kernel.h"

#if defined(__x86_64__)
// g++ 12 takes its own _mm512_undefined_ps() for a mistake (GCC bug 105593).
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#include <immintrin.h>

#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,popcnt,bmi,bmi2")

namespace athanor::rqa {
namespace {

struct Word {
  __m512i low, high;

  static Word load(const uint16_t* from) { return {_mm512_loadu_si512(from), _mm512_loadu_si512(from + 32)}; }
  void store(uint16_t* to) const {
    _mm512_storeu_si512(to, low);
    _mm512_storeu_si512(to + 32, high);
  }
  template <Norm kNorm>
  Word combine(const Word& more) const {
    if (kNorm == Norm::kLinf) return {_mm512_max_epu16(low, more.low), _mm512_max_epu16(high, more.high)};
    return {_mm512_adds_epu16(low, more.low), _mm512_adds_epu16(high, more.high)};
  }
  uint64_t below(uint16_t limit) const {
    const __m512i limits = _mm512_set1_epi16(static_cast<short>(limit));
    return uint64_t{_mm512_cmplt_epu16_mask(low, limits)} | uint64_t{_mm512_cmplt_epu16_mask(high, limits)}
                                                                << 32;
  }
};

template <Norm kNorm>
__m512 add_term(__m512 sum, __m512 difference) {
  if (kNorm == Norm::kL2) return _mm512_fmadd_ps(difference, difference, sum);
  const __m512 size = _mm512_abs_ps(difference);
  return kNorm == Norm::kLinf ? _mm512_max_ps(sum, size) : _mm512_add_ps(sum, size);
}

template <Norm kNorm, bool kColumn>
[[gnu::always_inline]] inline Word terms(const Coordinates& x, int64_t i, int64_t j) {
  __m512 sums[4];
  for (__m512& sum : sums) sum = _mm512_setzero_ps();
  for (int64_t k = 0; k < x.count; ++k) {
    const float *a = x.values[k] + i, *b = x.values[k] + j;
    for (int64_t part = 0; part < 4; ++part) {
      const __m512 other = kColumn ? _mm512_set1_ps(*b) : _mm512_loadu_ps(b + 16 * part);
      sums[part] = add_term<kNorm>(sums[part], _mm512_sub_ps(_mm512_loadu_ps(a + 16 * part), other));
    }
  }
  __m256i cells[4];
  for (int64_t part = 0; part < 4; ++part)
    cells[part] =
        _mm512_cvtusepi32_epi16(_mm512_cvtps_epi32(_mm512_min_ps(sums[part], _mm512_set1_ps(kFar))));
  return {_mm512_inserti64x4(_mm512_castsi256_si512(cells[0]), cells[1], 1),
          _mm512_inserti64x4(_mm512_castsi256_si512(cells[2]), cells[3], 1)};
}

// Writes 64 places, those beyond the count of no use.
[[gnu::always_inline]] inline uint32_t* append_bits(uint64_t bits, uint32_t first, uint32_t* to) {
  __m512i places = _mm512_add_epi32(_mm512_set1_epi32(static_cast<int>(first)),
                                    _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0));
  for (int part = 0; part < 4; ++part) {
    const auto mask = static_cast<__mmask16>(bits >> (16 * part));
    _mm512_storeu_si512(to, _mm512_maskz_compress_epi32(mask, places));
    to += __builtin_popcount(mask);
    places = _mm512_add_epi32(places, _mm512_set1_epi32(16));
  }
  return to;
}

[[gnu::always_inline]] inline uint64_t differing(const Levels& levels, int64_t at, uint8_t thresholds) {
  const auto* bytes = levels.levels + at;
  const __m512i larger = _mm512_max_epu8(_mm512_loadu_si512(bytes), _mm512_loadu_si512(bytes - 1));
  uint64_t follows = 0;
  for (int part = 0; part < 4; ++part) {
    const uint32_t* places = levels.places + at + 16 * part;
    const __m512i next = _mm512_add_epi32(_mm512_loadu_si512(places - 1), _mm512_set1_epi32(1));
    follows |= uint64_t{_mm512_cmpeq_epi32_mask(_mm512_loadu_si512(places), next)} << (16 * part);
  }
  const __m512i pairs =
      _mm512_mask_blend_epi8(follows, _mm512_set1_epi8(static_cast<char>(thresholds)), larger);
  const uint8_t before = levels.pairs[at - 1];
  _mm512_storeu_si512(levels.pairs + at, pairs);
  // The pairs one cell back: the last of each lane of 16 bytes comes from the lane before.
  const __m512i lanes = _mm512_alignr_epi64(pairs, _mm512_set1_epi8(static_cast<char>(before)), 6);
  return _mm512_cmpneq_epi8_mask(pairs, _mm512_alignr_epi8(pairs, lanes, 15));
}

}  // namespace
}  // namespace athanor::rqa

#include "src/rqa/walk_body.h"

namespace athanor::rqa {

const WalkKernel kWalkAvx512 = kernel_of("avx512");

}  // namespace athanor::rqa
#endif
