// LSTM kernels for AVX2 and FMA: 8 floats a vector.
#include <immintrin.h>

#include <cstdint>

#include "models/layers/lstm_kernel.h"

#pragma GCC target("avx2,fma")

namespace athanor {
namespace {

struct Simd {
  using Vec = __m256;
  static constexpr int kLanes = 8;
  static constexpr int kRows = 3;

  static Vec load(const float* p) { return _mm256_loadu_ps(p); }
  static void store(float* p, Vec v) { _mm256_storeu_ps(p, v); }
  static Vec set(float x) { return _mm256_set1_ps(x); }
  static Vec add(Vec a, Vec b) { return _mm256_add_ps(a, b); }
  static Vec sub(Vec a, Vec b) { return _mm256_sub_ps(a, b); }
  static Vec mul(Vec a, Vec b) { return _mm256_mul_ps(a, b); }
  static Vec fma(Vec a, Vec b, Vec c) { return _mm256_fmadd_ps(a, b, c); }
  static Vec fnma(Vec a, Vec b, Vec c) { return _mm256_fnmadd_ps(a, b, c); }
  static Vec min(Vec a, Vec b) { return _mm256_min_ps(a, b); }
  static Vec max(Vec a, Vec b) { return _mm256_max_ps(a, b); }
  static Vec sign_bit() { return _mm256_castsi256_ps(_mm256_set1_epi32(INT32_MIN)); }
  static Vec absolute(Vec a) { return _mm256_andnot_ps(sign_bit(), a); }
  static Vec round(Vec a) { return _mm256_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
  static Vec power_of_two(Vec n) {
    const __m256i exponent = _mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127));
    return _mm256_castsi256_ps(_mm256_slli_epi32(exponent, 23));
  }
  static Vec copy_sign(Vec magnitude, Vec sign) {
    return _mm256_or_ps(magnitude, _mm256_and_ps(sign, sign_bit()));
  }
  // 12 bits and one Newton step leave 2^-22; a second one is full precision but for the last bit.
  static Vec reciprocal(Vec a) {
    Vec guess = _mm256_rcp_ps(a);
    guess = mul(guess, fnma(a, guess, set(2.0f)));
    return mul(guess, fnma(a, guess, set(2.0f)));
  }
  static __m256i mix(__m256i x) {  // "lowbias32", C. Wellons 2018
    x = _mm256_mullo_epi32(_mm256_xor_si256(x, _mm256_srli_epi32(x, 16)), _mm256_set1_epi32(0x7feb352d));
    x = _mm256_mullo_epi32(_mm256_xor_si256(x, _mm256_srli_epi32(x, 15)),
                           _mm256_set1_epi32(static_cast<int32_t>(0x846ca68bu)));
    return _mm256_xor_si256(x, _mm256_srli_epi32(x, 16));
  }
  static Vec keep(Vec value, uint32_t counter, uint64_t key, uint32_t threshold) {
    __m256i x = _mm256_add_epi32(_mm256_set1_epi32(static_cast<int32_t>(counter)),
                                 _mm256_set_epi32(7, 6, 5, 4, 3, 2, 1, 0));
    x = mix(_mm256_xor_si256(x, _mm256_set1_epi32(static_cast<int32_t>(key))));
    x = mix(_mm256_add_epi32(x, _mm256_set1_epi32(static_cast<int32_t>(key >> 32))));
    const __m256i limit = _mm256_set1_epi32(static_cast<int32_t>(threshold));
    const __m256i kept = _mm256_cmpeq_epi32(_mm256_max_epu32(x, limit), x);  // x >= limit, unsigned
    return _mm256_and_ps(_mm256_castsi256_ps(kept), value);
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

#include "models/layers/lstm_kernel_body.h"

namespace athanor {

const LstmKernel kLstmKernelAvx2 = {"avx2",   kLanes,        forward_step, backward_step,
                                    multiply, multiply_both, nullptr};

}  // namespace athanor
