#include "src/ops/cuda/cuda_library.h"

#include <dlfcn.h>

#include <cstdlib>

namespace athanor {
namespace {

struct Opened {
  std::string path, why_not;
  void* library = nullptr;

  std::string find(const CudaFunction& function) const {
    void* found = dlsym(library, function.name);
    function.set(found);
    return found != nullptr ? "" : path + " has no " + function.name;
  }
};

Opened open_library() {
  const char* named = std::getenv("ATHANOR_CUDA_LIBRARY");
  Opened out{.path = named != nullptr ? named : "libathanor_cuda.so", .why_not = ""};
  out.library = dlopen(out.path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (out.library == nullptr) {
    out.why_not = dlerror();
    return out;
  }
  const char* (*check)() = nullptr;
  out.why_not = out.find({"athanor_cuda_check", check});
  if (check == nullptr) return out;
  if (const char* problem = check()) out.why_not = problem;
  return out;
}

}  // namespace

std::string find_cuda_functions(const std::vector<CudaFunction>& functions) {
  static const Opened opened = open_library();
  std::string why_not = opened.why_not;
  for (size_t n = 0; n < functions.size() && why_not.empty(); ++n) why_not = opened.find(functions[n]);
  return why_not;
}

}  // namespace athanor
