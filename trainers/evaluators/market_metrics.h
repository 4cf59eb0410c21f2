// What `market` measures of one contender (the model or a baseline) that says a direction and a magnitude for
// each sample, and the baselines themselves, fitted on the training labels alone.
#pragma once

#include <array>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "trainers/evaluators/block_bootstrap.h"
#include "trainers/evaluators/confusion.h"

namespace athanor {

struct MarketMetric {
  const char* key;    // in JSON and metrics.jsonl
  const char* title;  // in the table
  bool higher_is_better;
};
inline constexpr std::array<MarketMetric, 6> kMarketMetrics{{{"accuracy", "accuracy", true},
                                                             {"balanced_accuracy", "balanced accuracy", true},
                                                             {"macro_f1", "macro F1", true},
                                                             {"mcc", "MCC", true},
                                                             {"log_loss", "log loss", false},
                                                             {"mae_pips", "MAE, pips", false}}};

// A value a sample each; magnitudes' errors are empty where the data has no magnitudes.
struct Contender {
  std::string name;
  std::vector<int64_t> guess;     // the class that it calls most likely
  std::vector<double> log_loss;   // -ln of the probability that it gave to the truth
  std::vector<double> abs_error;  // of the magnitude, pips
};

// The labels of a split, or what is said of them.
struct DirectionLabels {
  std::vector<int64_t> direction;
  std::vector<int64_t> past_direction;  // empty where the data has none; so for the next two
  std::vector<float> magnitude;
  std::vector<float> past_magnitude;
};

// Always the training split's most frequent class, its class shares and its median magnitude.
Contender majority_baseline(const DirectionLabels& train, const DirectionLabels& labels, int64_t classes);
// The direction and the magnitude of the horizon just past; its probabilities are how often the training
// split went on to each class from there. Nothing where the data does not say what is past.
std::optional<Contender> persistence_baseline(const DirectionLabels& train, const DirectionLabels& labels,
                                              int64_t classes);

// Which metrics a contender has: all, or all but the magnitude's.
size_t metric_count(const Contender& contender);
// One row a sample, in order: for each contender its confusion matrix's counts, its log loss, its error.
SampleSums contender_sums(const std::vector<Contender>& contenders, const std::vector<int64_t>& truth,
                          int64_t classes);
// sums as above over `samples` samples -> kMarketMetrics of each contender, contender-major.
void contender_metrics(std::span<const double> sums, int64_t samples, int64_t classes,
                       std::span<double> metrics);
// Counts of contender `index`, [classes*classes], truth-major.
std::span<const double> contender_confusion(std::span<const double> sums, size_t index, int64_t classes);

}  // namespace athanor
