// A Chrome trace (chrome://tracing, perfetto.dev) of the first steps, by LibTorch's Kineto profiler.
#pragma once

#include <c10/core/Device.h>

#include <cstdint>
#include <string>

namespace athanor {

class StepProfile {
 public:
  // Profiles `steps` steps from the first end_step() on, which so leaves out the warm-up; 0: none.
  StepProfile(int64_t steps, std::string path, c10::Device device);
  ~StepProfile();
  // Returns whether the trace has just been written.
  bool end_step() { return steps_left_ > 0 && count_step(); }

 private:
  bool count_step();
  int64_t steps_left_;
  bool running_ = false;
  std::string path_;
  c10::Device device_;
};

}  // namespace athanor
