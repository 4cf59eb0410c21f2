#include "src/ops/cuda/augment_cuda.h"

#include <dlfcn.h>

#include <cstdlib>

namespace athanor {
namespace {

struct Opened {
  CudaAugmentLibrary functions{};
  std::string why_not;
};

Opened open_library() {
  const char* named = std::getenv("ATHANOR_CUDA_LIBRARY");
  const std::string path = named != nullptr ? named : "libathanor_cuda.so";
  Opened out;
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    out.why_not = dlerror();
    return out;
  }
  const auto find = [&](auto& function, const char* name) {
    function = reinterpret_cast<std::decay_t<decltype(function)>>(dlsym(library, name));
    if (function == nullptr) out.why_not = path + " has no " + name;
  };
  const char* (*check)() = nullptr;
  find(check, "athanor_cuda_check");
  find(out.functions.augment, "athanor_cuda_augment");
  find(out.functions.augment_on_host, "athanor_cuda_augment_on_host");
  if (!out.why_not.empty()) return out;
  if (const char* problem = check()) out.why_not = problem;
  return out;
}

}  // namespace

const CudaAugmentLibrary* find_cuda_augment(std::string& why_not) {
  static const Opened opened = open_library();
  why_not = opened.why_not;
  return why_not.empty() ? &opened.functions : nullptr;
}

}  // namespace athanor
