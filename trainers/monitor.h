// The best value so far of a monitored metric, and when to give up waiting for a better one.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <string>

namespace athanor {

class Monitor {
 public:
  // `patience` evaluations in a row without a better value end the run; 0: never.
  Monitor(bool lower_is_better, int64_t patience) : lower_(lower_is_better), patience_(patience) {}

  bool is_better(double value) const;
  // Returns whether `value` is the best so far. NaN never is.
  bool observe(double value, int64_t step);
  bool out_of_patience() const { return patience_ > 0 && bad_evaluations_ >= patience_; }
  bool has_best() const { return best_step_ >= 0; }
  double best() const { return best_; }
  int64_t best_step() const { return best_step_; }

  void save(std::map<std::string, double>& values) const;
  void load(const std::map<std::string, double>& values);

 private:
  bool lower_;
  int64_t patience_;
  double best_ = std::numeric_limits<double>::quiet_NaN();
  int64_t best_step_ = -1;
  int64_t bad_evaluations_ = 0;
};

}  // namespace athanor
