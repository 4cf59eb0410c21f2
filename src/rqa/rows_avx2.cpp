// The loops over rows for AVX2: 8 differences at once.
#include "src/rqa/rows_kernel.h"

#if defined(__x86_64__)
#include <immintrin.h>

#pragma GCC target("avx2,fma,popcnt,bmi,bmi2")

namespace athanor::rqa {
namespace {

struct Sums {
  __m256 parts[8];

  template <Norm kNorm>
  [[gnu::always_inline]] void add(const float* from, float to) {
    for (int part = 0; part < 8; ++part) {
      const __m256 difference = _mm256_sub_ps(_mm256_loadu_ps(from + 8 * part), _mm256_set1_ps(to));
      const __m256 size = _mm256_andnot_ps(_mm256_set1_ps(-0.0F), difference);
      if (kNorm == Norm::kL2)
        parts[part] = _mm256_fmadd_ps(difference, difference, parts[part]);
      else if (kNorm == Norm::kLinf)
        parts[part] = _mm256_max_ps(parts[part], size);
      else
        parts[part] = _mm256_add_ps(parts[part], size);
    }
  }
  [[gnu::always_inline]] uint64_t below(float bound) const {
    uint64_t bits = 0;
    for (int part = 0; part < 8; ++part) {
      const __m256 less = _mm256_cmp_ps(parts[part], _mm256_set1_ps(bound), _CMP_LT_OQ);
      bits |= uint64_t{static_cast<uint32_t>(_mm256_movemask_ps(less))} << (8 * part);
    }
    return bits;
  }
};

}  // namespace
}  // namespace athanor::rqa

#include "src/rqa/rows_body.h"

namespace athanor::rqa {

const RowKernel kRowsAvx2 = row_kernel_of("avx2");

}  // namespace athanor::rqa
#endif
