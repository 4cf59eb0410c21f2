// Devices: picking one, how much memory it has, and opening libtorch_cuda at run time so that one program
// serves machines with and without a GPU.
#pragma once

#include <c10/core/Device.h>

#include <cstdint>
#include <string>

namespace athanor {

// Opens libtorch_cuda.so when a GPU driver and the library are there; must run before the first at:: call.
// Returns whether CUDA can be used. Cheap where there is no driver.
bool open_cuda_library();

// "auto" (cuda:0 if usable, else cpu), "cpu", "cuda", "cuda:1". Throws usage Error.
at::Device resolve_device(const std::string& name);

// Free and total bytes: of the GPU, or of RAM (MemAvailable, and no more than the cgroup allows).
struct Memory {
  int64_t free_bytes;
  int64_t total_bytes;
};
Memory device_memory(at::Device device);

// "NVIDIA H100, 80 GiB" or the CPU's model name and the number of threads.
std::string device_text(at::Device device);

}  // namespace athanor
