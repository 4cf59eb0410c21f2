#include "src/ops/cuda/augment_cuda.h"

#include "src/ops/cuda/cuda_library.h"

namespace athanor {

const CudaAugmentLibrary* find_cuda_augment(std::string& why_not) {
  static CudaAugmentLibrary library;
  static const std::string missing = find_cuda_functions(
      {{"athanor_cuda_augment", library.augment}, {"athanor_cuda_augment_on_host", library.augment_on_host}});
  why_not = missing;
  return why_not.empty() ? &library : nullptr;
}

}  // namespace athanor
