// prepareProfiler, enableProfiler, disableProfiler()->save().
#include "trainers/step_profile.h"

#include <torch/csrc/autograd/profiler_kineto.h>

namespace athanor {
namespace {

namespace profiler = torch::autograd::profiler;
using torch::profiler::impl::ActivityType;

void start(c10::Device device) {
  const torch::profiler::impl::ProfilerConfig config(torch::profiler::impl::ProfilerState::KINETO,
                                                     /*report_input_shapes=*/true, /*profile_memory=*/true);
  std::set<ActivityType> activities{ActivityType::CPU};
  if (device.is_cuda()) activities.insert(ActivityType::CUDA);
  profiler::prepareProfiler(config, activities);
  profiler::enableProfiler(config, activities);
}

}  // namespace

StepProfile::StepProfile(int64_t steps, std::string path, c10::Device device)
    : steps_left_(steps), path_(std::move(path)), device_(device) {}

StepProfile::~StepProfile() {
  if (running_) profiler::disableProfiler();
}

bool StepProfile::count_step() {
  if (!running_) {
    start(device_);
    running_ = true;
    return false;
  }
  if (--steps_left_ > 0) return false;
  profiler::disableProfiler()->save(path_);
  running_ = false;
  return true;
}

}  // namespace athanor
