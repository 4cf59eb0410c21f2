// /proc/self/statm on a CPU, the caching allocator's statistics on a GPU.
#include "trainers/memory_watch.h"

#include <ATen/DeviceAccelerator.h>
#include <malloc.h>
#include <unistd.h>

#include <fstream>

#include "src/core/text.h"

namespace athanor {
namespace {

constexpr int64_t kLeakBytes = 100'000'000;
constexpr int64_t kWarmupEpochs = 2;

}  // namespace

int64_t memory_in_use(c10::Device device) {
  if (!device.is_cpu()) return at::accelerator::getDeviceStats(device.index()).allocated_bytes[0].current;
  std::ifstream statm("/proc/self/statm");
  int64_t size_pages = 0, resident_pages = 0;
  statm >> size_pages >> resident_pages;
  return resident_pages * ::sysconf(_SC_PAGESIZE);
}

void empty_memory_cache(c10::Device device) {
  if (device.is_cpu())
    ::malloc_trim(0);
  else
    at::accelerator::emptyCache();
}

std::string MemoryWatch::end_epoch() {
  const int64_t now_bytes = memory_in_use(device_);
  const int64_t grown = now_bytes - before_bytes_;
  before_bytes_ = now_bytes;
  if (++epochs_ <= kWarmupEpochs || grown <= kLeakBytes) return "";
  return text("memory grew by ", bytes_text(grown), " in this epoch, to ", bytes_text(now_bytes),
              ": something keeps tensors from batch to batch");
}

}  // namespace athanor
