// The LSTM kernels that this CPU runs.
#include "models/layers/lstm_kernel.h"

#include "src/ops/amx.h"

namespace athanor {
namespace {

std::vector<const LstmKernel*> fp32_kernels() {
  std::vector<const LstmKernel*> found;
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq"))
    found.push_back(&kLstmKernelAvx512);
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) found.push_back(&kLstmKernelAvx2);
  return found;
}

std::vector<const LstmKernel*> bf16_kernels() {
  if (has_amx()) return {&kLstmKernelAmx};
  return {};
}

}  // namespace

const std::vector<const LstmKernel*>& lstm_kernels(bool bf16) {
  static const std::vector<const LstmKernel*> fp32_found = fp32_kernels(), bf16_found = bf16_kernels();
  return bf16 ? bf16_found : fp32_found;
}

const LstmKernel* find_lstm_kernel(bool bf16) {
  return lstm_kernels(bf16).empty() ? nullptr : lstm_kernels(bf16).front();
}

}  // namespace athanor
