// The LSTM kernels that this CPU runs.
#include "models/layers/lstm_kernel.h"

namespace athanor {

const std::vector<const LstmKernel*>& lstm_kernels() {
  static const std::vector<const LstmKernel*> kernels = [] {
    std::vector<const LstmKernel*> found;
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq"))
      found.push_back(&kLstmKernelAvx512);
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) found.push_back(&kLstmKernelAvx2);
    return found;
  }();
  return kernels;
}

const LstmKernel* find_lstm_kernel() { return lstm_kernels().empty() ? nullptr : lstm_kernels().front(); }

}  // namespace athanor
