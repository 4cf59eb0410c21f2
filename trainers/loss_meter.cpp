// Sums in double, in the order of the batches, so that when they are fetched changes nothing.
#include "trainers/loss_meter.h"

#include <ATen/ops/stack.h>

#include <cmath>

namespace athanor {

void LossMeter::add(const Loss& loss, int64_t samples, int64_t batch) {
  if (names_.empty()) {
    names_.emplace_back("loss");
    for (const auto& [name, value] : loss.parts) names_.push_back("loss_" + name);
    sums_.resize(names_.size(), 0);
  }
  Entry entry{{}, samples, batch};
  entry.values.reserve(names_.size());
  entry.values.push_back(loss.total.detach());
  for (const auto& [name, value] : loss.parts) entry.values.push_back(value);
  pending_.push_back(std::move(entry));
}

std::optional<int64_t> LossMeter::fold() {
  if (pending_.empty()) return std::nullopt;
  std::optional<int64_t> bad;
  std::vector<at::Tensor> all;
  const bool on_cpu = pending_.front().values.front().is_cpu();
  if (!on_cpu) {
    for (const Entry& entry : pending_) all.insert(all.end(), entry.values.begin(), entry.values.end());
    all = at::stack(all).cpu().unbind();
  }
  size_t next = 0;
  for (const Entry& entry : pending_) {
    for (size_t i = 0; i < entry.values.size(); ++i) {
      const double value = (on_cpu ? entry.values[i] : all[next++]).item<float>();
      sums_[i] += value * static_cast<double>(entry.samples);
      if (i > 0) continue;
      last_ = value;
      if (!bad && !std::isfinite(value)) bad = entry.batch;
    }
    samples_ += entry.samples;
  }
  pending_.clear();
  return bad;
}

std::vector<std::pair<std::string, double>> LossMeter::means() const {
  std::vector<std::pair<std::string, double>> means;
  for (size_t i = 0; i < names_.size(); ++i)
    means.emplace_back(names_[i], sums_[i] / static_cast<double>(samples_));
  return means;
}

void LossMeter::clear() {
  std::fill(sums_.begin(), sums_.end(), 0);
  samples_ = 0;
}

void LossMeter::take_back(int64_t batch) {
  std::erase_if(pending_, [batch](const Entry& entry) { return entry.batch >= batch; });
}

void LossMeter::save(std::map<std::string, double>& values) const {
  values["meter_samples"] = static_cast<double>(samples_);
  for (size_t i = 0; i < sums_.size(); ++i) values["meter_sum_" + std::to_string(i)] = sums_[i];
}

void LossMeter::load(const std::map<std::string, double>& values) {
  pending_.clear();
  sums_.clear();
  samples_ = static_cast<int64_t>(values.at("meter_samples"));
  // Names come with the next loss.
  for (size_t i = 0;; ++i) {
    const auto sum = values.find("meter_sum_" + std::to_string(i));
    if (sum == values.end()) break;
    sums_.push_back(sum->second);
  }
}

}  // namespace athanor
