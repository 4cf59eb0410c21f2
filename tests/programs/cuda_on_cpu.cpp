// A libathanor_cuda.so for machines without a GPU: the blocks of the kernels, one after the other on the CPU.
// With $CUDA_ON_CPU_PROBLEM every call fails, of that.
#include <cstdlib>

#include "tests/rqa/cuda_blocks.h"

extern "C" {

const char* athanor_cuda_check() { return nullptr; }

const char* athanor_cuda_count_lines(const athanor::rqa::LineCall& call, bool& out_of_memory) {
  out_of_memory = false;
  const char* problem = std::getenv("CUDA_ON_CPU_PROBLEM");
  return problem != nullptr ? problem : athanor::rqa::count_lines_by_blocks(call, out_of_memory);
}

}  // extern "C"
