// The vector operations of the LSTM kernels for AVX-512 (F and DQ): 16 floats a vector. Included under the
// includer's
// `#pragma GCC target`, after <immintrin.h>.
#pragma once

namespace athanor {
namespace {

struct Simd {
  using Vec = __m512;
  static constexpr int kLanes = 16;
  static constexpr int kRows = 6;

  static Vec load(const float* p) { return _mm512_loadu_ps(p); }
  static void store(float* p, Vec v) { _mm512_storeu_ps(p, v); }
  static Vec set(float x) { return _mm512_set1_ps(x); }
  static Vec add(Vec a, Vec b) { return _mm512_add_ps(a, b); }
  static Vec sub(Vec a, Vec b) { return _mm512_sub_ps(a, b); }
  static Vec mul(Vec a, Vec b) { return _mm512_mul_ps(a, b); }
  static Vec fma(Vec a, Vec b, Vec c) { return _mm512_fmadd_ps(a, b, c); }
  static Vec fnma(Vec a, Vec b, Vec c) { return _mm512_fnmadd_ps(a, b, c); }
  static Vec min(Vec a, Vec b) { return _mm512_min_ps(a, b); }
  static Vec max(Vec a, Vec b) { return _mm512_max_ps(a, b); }
  static Vec absolute(Vec a) { return _mm512_abs_ps(a); }
  static Vec round(Vec a) { return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
  static Vec power_of_two(Vec n) { return _mm512_scalef_ps(set(1.0f), n); }
  static Vec copy_sign(Vec magnitude, Vec sign) {
    return _mm512_or_ps(magnitude, _mm512_and_ps(sign, _mm512_castsi512_ps(_mm512_set1_epi32(INT32_MIN))));
  }
  // 14 bits and one Newton step: full precision but for the last bit.
  static Vec reciprocal(Vec a) {
    const Vec guess = _mm512_rcp14_ps(a);
    return mul(guess, fnma(a, guess, set(2.0f)));
  }
  static __m512i mix(__m512i x) {  // "lowbias32", C. Wellons 2018
    x = _mm512_mullo_epi32(_mm512_xor_si512(x, _mm512_srli_epi32(x, 16)), _mm512_set1_epi32(0x7feb352d));
    x = _mm512_mullo_epi32(_mm512_xor_si512(x, _mm512_srli_epi32(x, 15)),
                           _mm512_set1_epi32(static_cast<int32_t>(0x846ca68bu)));
    return _mm512_xor_si512(x, _mm512_srli_epi32(x, 16));
  }
  static Vec keep(Vec value, uint32_t counter, uint64_t key, uint32_t threshold) {
    const __m512i lane = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
    __m512i x = _mm512_add_epi32(_mm512_set1_epi32(static_cast<int32_t>(counter)), lane);
    x = mix(_mm512_xor_si512(x, _mm512_set1_epi32(static_cast<int32_t>(key))));
    x = mix(_mm512_add_epi32(x, _mm512_set1_epi32(static_cast<int32_t>(key >> 32))));
    return _mm512_maskz_mov_ps(_mm512_cmpge_epu32_mask(x, _mm512_set1_epi32(static_cast<int32_t>(threshold))),
                               value);
  }

  // Gradients fade over hundreds of steps into denormals, on which the CPU is a hundred times slower.
  struct FlushDenormals {
    unsigned before = _mm_getcsr();
    FlushDenormals() { _mm_setcsr(before | 0x8040); }
    ~FlushDenormals() { _mm_setcsr(before); }
  };
};

}  // namespace
}  // namespace athanor
