// Strictly better counts; ties are waiting.
#include "trainers/monitor.h"

#include <cmath>

namespace athanor {

bool Monitor::is_better(double value) const {
  if (std::isnan(value)) return false;
  return !has_best() || (lower_ ? value < best_ : value > best_);
}

bool Monitor::observe(double value, int64_t step) {
  if (!is_better(value)) {
    ++bad_evaluations_;
    return false;
  }
  best_ = value;
  best_step_ = step;
  bad_evaluations_ = 0;
  return true;
}

void Monitor::save(std::map<std::string, double>& values) const {
  if (has_best()) values["best_value"] = best_;
  values["best_step"] = static_cast<double>(best_step_);
  values["bad_evaluations"] = static_cast<double>(bad_evaluations_);
}

void Monitor::load(const std::map<std::string, double>& values) {
  best_step_ = static_cast<int64_t>(values.at("best_step"));
  bad_evaluations_ = static_cast<int64_t>(values.at("bad_evaluations"));
  if (has_best()) best_ = values.at("best_value");
}

}  // namespace athanor
