// Devices by name and their memory. libtorch_cuda is opened by name at run time: the program itself links the
// CPU libraries only, and must open it before the first at:: call or ATen reports "CUDA library not loaded".
#include "src/core/device.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <dlfcn.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "src/core/error.h"
#include "src/core/log.h"
#include "src/core/text.h"

namespace athanor {

bool open_cuda_library() {
  static const bool usable = [] {
    if (dlopen("libcuda.so.1", RTLD_LAZY | RTLD_LOCAL) == nullptr) return false;
    if (dlopen("libtorch_cuda.so", RTLD_NOW | RTLD_GLOBAL) == nullptr) {
      log_debug(text("libtorch_cuda not opened: ", dlerror()));
      return false;
    }
    return at::globalContext().hasCUDA() && c10::impl::getDeviceGuardImpl(c10::kCUDA)->deviceCount() > 0;
  }();
  return usable;
}

at::Device resolve_device(const std::string& name) {
  if (name == "cpu") return at::kCPU;
  const bool is_cuda = name == "cuda" || (name.starts_with("cuda:") && name.size() > 5 &&
                                          name.find_first_not_of("0123456789", 5) == std::string::npos);
  if (name != "auto" && !is_cuda)
    throw usage_error({"device", "unknown device '" + name + "'", "auto, cpu, cuda or cuda:N", "", ""});
  const bool usable = open_cuda_library();
  if (name == "auto" && !usable) return at::kCPU;
  if (!usable)
    throw usage_error(
        {"device", "'" + name + "' cannot be used: no GPU driver, or no libtorch_cuda", "", "",
         "device=cpu, or scripts/build --cuda on a machine with a GPU; athanor doctor tells more"});
  const c10::DeviceIndex count = c10::impl::getDeviceGuardImpl(c10::kCUDA)->deviceCount();
  const int index = name.starts_with("cuda:") ? std::stoi(name.substr(5)) : 0;
  if (index >= count)
    throw usage_error({"device", "there is no '" + name + "'", text("cuda:0 to cuda:", count - 1), "", ""});
  return at::Device(at::kCUDA, static_cast<c10::DeviceIndex>(index));
}

namespace {

int64_t meminfo_bytes(const std::string& key) {
  std::ifstream in("/proc/meminfo");
  for (std::string line; std::getline(in, line);)
    if (line.starts_with(key + ":")) return std::stoll(line.substr(key.size() + 1)) * 1024;
  return 0;
}

// A cgroup's number, or -1 where there is none ("max").
int64_t cgroup_bytes(const std::string& file) {
  std::ifstream in("/sys/fs/cgroup/" + file);
  int64_t value = -1;
  return in >> value ? value : -1;
}

Memory ram() {
  Memory memory{meminfo_bytes("MemAvailable"), meminfo_bytes("MemTotal")};
  const int64_t limit = cgroup_bytes("memory.max"), used = cgroup_bytes("memory.current");
  if (limit > 0 && used >= 0) {
    memory.total_bytes = std::min(memory.total_bytes, limit);
    memory.free_bytes = std::min(memory.free_bytes, std::max<int64_t>(0, limit - used));
  }
  return memory;
}

std::string cpu_name() {
  std::ifstream in("/proc/cpuinfo");
  for (std::string line; std::getline(in, line);)
    if (line.starts_with("model name")) return std::string(trim(line.substr(line.find(':') + 1)));
  return "CPU";
}

}  // namespace

Memory device_memory(at::Device device) {
  if (device.is_cpu()) return ram();
  // cudaMemGetInfo by name: the program does not link the CUDA runtime.
  using MemGetInfo = int (*)(size_t*, size_t*);
  const auto mem_get_info = reinterpret_cast<MemGetInfo>(dlsym(RTLD_DEFAULT, "cudaMemGetInfo"));
  const c10::impl::VirtualGuardImpl guard(device.type());
  const at::Device before = guard.exchangeDevice(device);
  size_t free = 0, total = 0;
  const bool failed = mem_get_info == nullptr || mem_get_info(&free, &total) != 0;
  guard.setDevice(before);
  if (failed) throw Error({device.str(), "cannot read the memory of the device", "", "", "athanor doctor"});
  return {static_cast<int64_t>(free), static_cast<int64_t>(total)};
}

std::string device_text(at::Device device) {
  if (device.is_cpu()) return text(cpu_name(), ", ", at::get_num_threads(), " threads");
  return text(device.str(), ", ", bytes_text(device_memory(device).total_bytes));
}

}  // namespace athanor
