#include "trainers/evaluators/market_metrics.h"

#include <algorithm>
#include <cmath>

namespace athanor {
namespace {

constexpr size_t kMetrics = kMarketMetrics.size();

// Columns of one contender: the confusion matrix, the log loss, the error.
int64_t columns_each(int64_t classes) { return classes * classes + 2; }

// ln of the share of each class, with one imagined sample a class so that none is impossible.
std::vector<double> log_shares(const std::vector<double>& counts) {
  double total = 0;
  for (const double count : counts) total += count + 1;
  std::vector<double> logs(counts);
  for (double& value : logs) value = std::log((value + 1) / total);
  return logs;
}

double median(std::vector<float> values) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (static_cast<double>(values[half - 1]) + values[half]) / 2;
}

}  // namespace

Contender majority_baseline(const DirectionLabels& train, const DirectionLabels& labels, int64_t classes) {
  std::vector<double> counts(classes);
  for (const int64_t direction : train.direction) counts[direction] += 1;
  const int64_t most = std::max_element(counts.begin(), counts.end()) - counts.begin();
  const std::vector<double> logs = log_shares(counts);
  const double middle = median(train.magnitude);
  Contender baseline{.name = "majority", .guess = std::vector<int64_t>(labels.direction.size(), most)};
  for (const int64_t truth : labels.direction) baseline.log_loss.push_back(-logs[truth]);
  for (const float magnitude : labels.magnitude) baseline.abs_error.push_back(std::abs(magnitude - middle));
  return baseline;
}

std::optional<Contender> persistence_baseline(const DirectionLabels& train, const DirectionLabels& labels,
                                              int64_t classes) {
  const size_t samples = labels.direction.size();
  if (labels.past_direction.size() != samples || train.past_direction.size() != train.direction.size())
    return {};
  if (labels.magnitude.size() != labels.past_magnitude.size()) return {};
  std::vector<std::vector<double>> transitions(classes, std::vector<double>(classes));
  for (size_t i = 0; i < train.direction.size(); ++i)
    transitions[train.past_direction[i]][train.direction[i]] += 1;
  for (auto& counts : transitions) counts = log_shares(counts);
  Contender baseline{.name = "persistence", .guess = labels.past_direction};
  for (size_t i = 0; i < samples; ++i)
    baseline.log_loss.push_back(-transitions[labels.past_direction[i]][labels.direction[i]]);
  for (size_t i = 0; i < labels.magnitude.size(); ++i)
    baseline.abs_error.push_back(
        std::abs(static_cast<double>(labels.magnitude[i]) - labels.past_magnitude[i]));
  return baseline;
}

size_t metric_count(const Contender& contender) {
  return contender.abs_error.empty() ? kMetrics - 1 : kMetrics;
}

SampleSums contender_sums(const std::vector<Contender>& contenders, const std::vector<int64_t>& truth,
                          int64_t classes) {
  const int64_t each = columns_each(classes);
  const auto samples = static_cast<int64_t>(truth.size());
  SampleSums sums(samples, each * static_cast<int64_t>(contenders.size()));
  for (int64_t i = 0; i < samples; ++i) {
    const std::span<double> row = sums.row(i);
    for (size_t c = 0; c < contenders.size(); ++c) {
      double* columns = row.data() + c * each;
      columns[truth[i] * classes + contenders[c].guess[i]] = 1;
      columns[each - 2] = contenders[c].log_loss[i];
      if (!contenders[c].abs_error.empty()) columns[each - 1] = contenders[c].abs_error[i];
    }
  }
  sums.accumulate();
  return sums;
}

void contender_metrics(std::span<const double> sums, int64_t samples, int64_t classes,
                       std::span<double> metrics) {
  const auto each = static_cast<size_t>(columns_each(classes));
  for (size_t c = 0; c * each < sums.size(); ++c) {
    const auto counted = classification_metrics(contender_confusion(sums, c, classes), classes);
    const double* columns = sums.data() + c * each;
    const std::array<double, kMetrics> values{counted.accuracy,
                                              counted.balanced_accuracy,
                                              counted.macro_f1,
                                              counted.mcc,
                                              columns[each - 2] / static_cast<double>(samples),
                                              columns[each - 1] / static_cast<double>(samples)};
    std::copy(values.begin(), values.end(), metrics.begin() + static_cast<int64_t>(c * kMetrics));
  }
}

std::span<const double> contender_confusion(std::span<const double> sums, size_t index, int64_t classes) {
  return sums.subspan(index * columns_each(classes), classes * classes);
}

}  // namespace athanor
