// The loops over rows for AVX-512 (F, BW, DQ, VL): 16 differences at once.
#include "src/rqa/rows_kernel.h"

#if defined(__x86_64__)
// g++ 12 takes its own _mm512_undefined_ps() for a mistake (GCC bug 105593).
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#include <immintrin.h>

#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,popcnt,bmi,bmi2")

namespace athanor::rqa {
namespace {

struct Sums {
  __m512 parts[4];

  template <Norm kNorm>
  [[gnu::always_inline]] void add(const float* from, float to) {
    for (int part = 0; part < 4; ++part) {
      const __m512 difference = _mm512_sub_ps(_mm512_loadu_ps(from + 16 * part), _mm512_set1_ps(to));
      if (kNorm == Norm::kL2)
        parts[part] = _mm512_fmadd_ps(difference, difference, parts[part]);
      else if (kNorm == Norm::kLinf)
        parts[part] = _mm512_max_ps(parts[part], _mm512_abs_ps(difference));
      else
        parts[part] = _mm512_add_ps(parts[part], _mm512_abs_ps(difference));
    }
  }
  [[gnu::always_inline]] uint64_t below(float bound) const {
    uint64_t bits = 0;
    for (int part = 0; part < 4; ++part)
      bits |= uint64_t{_mm512_cmp_ps_mask(parts[part], _mm512_set1_ps(bound), _CMP_LT_OQ)} << (16 * part);
    return bits;
  }
};

}  // namespace
}  // namespace athanor::rqa

#include "src/rqa/rows_body.h"

namespace athanor::rqa {

const RowKernel kRowsAvx512 = row_kernel_of("avx512");

}  // namespace athanor::rqa
#endif
