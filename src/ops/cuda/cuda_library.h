// libathanor_cuda.so: the kernels for NVIDIA GPUs, opened at run time, so that the program neither links nor
// needs CUDA. Built with -DATHANOR_CUDA=ON, which wants nvcc.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace athanor {

// A function of the library, and the pointer that is set to it.
struct CudaFunction {
  template <class Function>
  CudaFunction(const char* name, Function*& pointer)
      : name(name), set([&pointer](void* found) { pointer = reinterpret_cast<Function*>(found); }) {}
  const char* name;
  std::function<void(void*)> set;
};

// Opens $ATHANOR_CUDA_LIBRARY, or libathanor_cuda.so where the system looks for libraries, and asks it for a
// GPU: once. Sets the pointers; returns why that is not possible (no library, no GPU, an older library), or
// "".
std::string find_cuda_functions(const std::vector<CudaFunction>& functions);

}  // namespace athanor
