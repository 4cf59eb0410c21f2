// LibTorch's default generators and its switches for determinism.
#include "trainers/seeding.h"

#include <ATen/Context.h>

#include <cstdlib>
#include <mutex>

namespace athanor {
namespace {

void seed_generator(uint64_t seed, c10::Device device) {
  at::Generator generator = at::globalContext().defaultGenerator(device);
  const std::lock_guard lock(generator.mutex());
  generator.set_current_seed(seed);
}

}  // namespace

void seed_generators(uint64_t seed, c10::Device device) {
  seed_generator(seed, c10::Device(c10::kCPU));
  if (!device.is_cpu()) seed_generator(seed, device);
}

void set_deterministic(bool deterministic) {
  // cuBLAS reads this when its handle is made: without a fixed workspace its sums vary.
  if (deterministic) ::setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8", /*overwrite=*/0);
  at::globalContext().setDeterministicAlgorithms(deterministic, /*warn_only=*/false);
  at::globalContext().setDeterministicFillUninitializedMemory(false);
  at::globalContext().setDeterministicCuDNN(deterministic);
  at::globalContext().setBenchmarkCuDNN(false);
}

}  // namespace athanor
