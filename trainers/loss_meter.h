// Means of the loss and its parts since the last line of metrics. Adding a loss keeps its tensors and asks
// the device nothing; fold() fetches them all at once.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "trainers/objective.h"

namespace athanor {

class LossMeter {
 public:
  // `batch` counts batches from the run's begin.
  void add(const Loss& loss, int64_t samples, int64_t batch);
  // Brings what was added into the sums (synchronises the device). Returns the first batch among it whose
  // total is not finite.
  std::optional<int64_t> fold();
  // "loss", then "loss_<part>" in the objective's order; means over samples. Call fold() first.
  std::vector<std::pair<std::string, double>> means() const;
  // The total of the batch added last; NaN before the first. Call fold() first.
  double last() const { return last_; }
  void clear();
  // Forgets what was added and not folded of `batch` and later ones.
  void take_back(int64_t batch);

  void save(std::map<std::string, double>& values) const;
  void load(const std::map<std::string, double>& values);

 private:
  struct Entry {
    std::vector<at::Tensor> values;  // total, then parts; [] f32, detached
    int64_t samples;
    int64_t batch;
  };
  std::vector<std::string> names_;
  std::vector<double> sums_;
  int64_t samples_ = 0;
  double last_ = std::numeric_limits<double>::quiet_NaN();
  std::vector<Entry> pending_;
};

}  // namespace athanor
