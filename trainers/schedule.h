// The learning rate of each step: a pure function of the step, but for `plateau`, which follows a monitored
// value and whose memory is saved. Warm-up is linear and comes first, whatever follows.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <string>

#include "src/core/fields.h"

namespace athanor {

struct ScheduleConfig {
  std::string name = "constant";
  int64_t warmup_steps = 0;
  int64_t total_steps = 0;
  double final_fraction = 0;
  double factor = 0.5;
  int64_t patience = 5;
  double threshold = 1e-4;
  double rise_fraction = 0.3;
  double start_fraction = 0.04;
  void list_fields(Fields& fields);
};

class Schedule {
 public:
  // `peak` is the optimizer's lr. `run_steps` is the run's length, used where total_steps is 0;
  // `lower_is_better` is about the value that observe() gets.
  Schedule(const ScheduleConfig& config, double peak, int64_t run_steps, bool lower_is_better = true);

  // Of the update that brings the count of steps from `step` to `step`+1.
  double rate(int64_t step) const;
  // After an evaluation; plateau only. Returns whether the rate was cut.
  bool observe(double value);

  void save(std::map<std::string, double>& values) const;
  void load(const std::map<std::string, double>& values);

 private:
  double fraction(int64_t step) const;

  ScheduleConfig config_;
  double peak_;
  int64_t total_steps_;
  double sign_;  // +1 where lower is better
  double best_ = std::numeric_limits<double>::infinity();
  int64_t bad_evaluations_ = 0;
  double plateau_fraction_ = 1;
};

}  // namespace athanor
