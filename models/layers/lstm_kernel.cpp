// The LSTM kernels that this CPU runs.
#include "models/layers/lstm_kernel.h"

#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace athanor {
namespace {

// AMX tiles with bf16, AVX-512 with bf16 conversions, and the kernel's leave to use tiles (Linux gives it on
// request).
bool amx_usable() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512bf16")) return false;
  if (__get_cpuid_count(7, 0, &a, &b, &c, &d) == 0) return false;
  constexpr unsigned kTile = 1u << 24, kTileBf16 = 1u << 22;
  if ((d & kTile) == 0 || (d & kTileBf16) == 0) return false;
  constexpr long kRequestPermission = 0x1023, kTileData = 18;  // ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA
  return syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
}

std::vector<const LstmKernel*> fp32_kernels() {
  std::vector<const LstmKernel*> found;
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq"))
    found.push_back(&kLstmKernelAvx512);
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) found.push_back(&kLstmKernelAvx2);
  return found;
}

std::vector<const LstmKernel*> bf16_kernels() {
  if (amx_usable()) return {&kLstmKernelAmx};
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
