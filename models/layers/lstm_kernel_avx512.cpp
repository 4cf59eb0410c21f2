// LSTM kernels for AVX-512 (F and DQ): 16 floats a vector.
// g++ 12 takes its own _mm512_undefined_ps() for a mistake (GCC bug 105593).
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#include <immintrin.h>

#include <cstdint>

#include "models/layers/lstm_kernel.h"

#pragma GCC target("avx512f,avx512dq,fma")

#include "models/layers/lstm_simd_avx512.h"

#include "models/layers/lstm_kernel_body.h"

namespace athanor {

const LstmKernel kLstmKernelAvx512 = {"avx512", kLanes,        forward_step, backward_step,
                                      multiply, multiply_both, nullptr};

}  // namespace athanor
