// Memory that the run holds, and a warning where it grows from epoch to epoch.
#pragma once

#include <c10/core/Device.h>

#include <cstdint>
#include <string>

namespace athanor {

// Bytes in use: of tensors on a GPU, or of this process in RAM.
int64_t memory_in_use(c10::Device device);
// Gives cached blocks back to the device or the system.
void empty_memory_cache(c10::Device device);

class MemoryWatch {
 public:
  explicit MemoryWatch(c10::Device device) : device_(device) {}
  // At the end of each epoch. Returns a warning where the epoch (not the first two, which fill caches) added
  // more than 100 MB, else "".
  std::string end_epoch();

 private:
  c10::Device device_;
  int64_t epochs_ = 0;
  int64_t before_bytes_ = 0;
};

}  // namespace athanor
