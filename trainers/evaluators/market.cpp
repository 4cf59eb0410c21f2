// Direction and magnitude of a market's next move: classification metrics, mean absolute error in pips, each
// against the training split's majority and against persistence, with moving-block bootstrap intervals of the
// values and of the paired differences. Says nothing of profit: no costs, no positions.
#include <ATen/ops/log_softmax.h>

#include <algorithm>
#include <cmath>

#include "src/core/error.h"
#include "src/core/text.h"
#include "trainers/evaluators/market_report.h"

namespace athanor {
namespace {

struct MarketConfig : ConfigStruct {
  std::string direction = "direction";
  std::string magnitude = "magnitude";
  std::string past_direction = "past_direction";
  std::string past_magnitude = "past_magnitude";
  int64_t resamples = 1000;
  int64_t block = 0;
  int64_t bootstrap_seed = 1;
  double confidence = 0.95;
  int64_t calibration_bins = 15;

  void list_fields(Fields& fields) override {
    fields.field("direction", direction, "output (logits [N,C]) and label (class) of this name", kNotEmpty);
    fields.field("magnitude", magnitude, "output and label of this name, in pips; empty: none");
    fields.field("past_direction", past_direction,
                 "label that persistence repeats; left out where the data has none");
    fields.field("past_magnitude", past_magnitude, "label that persistence repeats, in pips");
    fields.field("resamples", resamples, "of the bootstrap", between(10, 1000000));
    fields.field("block", block, "samples a bootstrap block; 0: as many as share bars in their labels",
                 kNonNegative);
    fields.field("bootstrap_seed", bootstrap_seed, "seed of the bootstrap", kNonNegative);
    fields.field("confidence", confidence, "of the intervals",
                 {.minimum = 0, .exclusive_minimum = true, .maximum = 1, .exclusive_maximum = true});
    fields.field("calibration_bins", calibration_bins, "bins of the calibration error", between(1, 1000));
  }
};

template <class T>
std::vector<T> values_of(const at::Tensor& tensor) {
  const at::Tensor plain = tensor.to(at::kCPU, c10::CppTypeToScalarType<T>::value).contiguous();
  const T* first = plain.const_data_ptr<T>();
  return {first, first + plain.numel()};
}

template <class T>
std::vector<T> find_values(const TensorMap& map, const std::string& name) {
  const at::Tensor* tensor = name.empty() ? nullptr : map.find(name);
  return tensor == nullptr ? std::vector<T>() : values_of<T>(*tensor);
}

void check_classes(const std::vector<int64_t>& labels, int64_t classes, const std::string& name) {
  for (size_t i = 0; i < labels.size(); ++i)
    if (labels[i] < 0 || labels[i] >= classes)
      throw Error({.where = text("label '", name, "', sample ", i),
                   .what = "not a class that the model knows",
                   .expected = text("0 to ", classes - 1),
                   .got = text(labels[i])});
}

class MarketEvaluator : public Evaluator {
 public:
  MarketEvaluator(const MarketConfig& config, const DataSpec& spec) : config_(config) {
    if (config_.block == 0) config_.block = spec.label_overlap;
  }

  Report evaluate(const Predictions& predictions, const TensorMap& train_labels, bool full) const override {
    const at::Tensor log_probs = checked_log_probs(predictions);
    const int64_t classes = log_probs.size(1);
    const DirectionLabels labels = labels_of(predictions.labels, classes);
    MarketResult result{.predictions = &predictions, .samples = log_probs.size(0), .classes = classes};
    result.contenders.push_back(model_contender(predictions, log_probs, labels));
    if (full) {
      const DirectionLabels train = labels_of(train_labels, classes);
      result.contenders.push_back(majority_baseline(train, labels, classes));
      if (auto persistence = persistence_baseline(train, labels, classes))
        result.contenders.push_back(std::move(*persistence));
      result.train_shares = shares(train.direction, classes);
      calibrate(log_probs, labels, result);
    }
    return report(labels, full, result);
  }

 private:
  // [N,C] f64; every loss of the model is read from these.
  at::Tensor checked_log_probs(const Predictions& predictions) const {
    const at::Tensor& logits = predictions.outputs.at(config_.direction);
    if (logits.dim() != 2 || logits.size(0) == 0)
      throw Error({.where = text("output '", config_.direction, "'"),
                   .what = "cannot be evaluated as classes",
                   .expected = "logits [N,C], N > 0",
                   .got = shape_text(logits.sizes().vec())});
    at::Tensor log_probs = at::log_softmax(logits.to(at::kDouble), 1).contiguous();
    const double* values = log_probs.const_data_ptr<double>();
    for (int64_t i = 0; i < log_probs.numel(); ++i)
      if (std::isnan(values[i]))
        throw Error(
            {.where = text("output '", config_.direction, "', sample ", i / log_probs.size(1)),
             .what = "the model's output is not a number",
             .hint = "the weights or the inputs hold NaN; lower the learning rate or check the data"});
    return log_probs;
  }

  DirectionLabels labels_of(const TensorMap& map, int64_t classes) const {
    DirectionLabels labels{.direction = values_of<int64_t>(map.at(config_.direction)),
                           .past_direction = find_values<int64_t>(map, config_.past_direction),
                           .magnitude = find_values<float>(map, config_.magnitude),
                           .past_magnitude = find_values<float>(map, config_.past_magnitude)};
    check_classes(labels.direction, classes, config_.direction);
    check_classes(labels.past_direction, classes, config_.past_direction);
    return labels;
  }

  Contender model_contender(const Predictions& predictions, const at::Tensor& log_probs,
                            DirectionLabels const& labels) const {
    const int64_t classes = log_probs.size(1);
    const double* row = log_probs.const_data_ptr<double>();
    Contender model{.name = "model"};
    for (const int64_t truth : labels.direction) {
      model.guess.push_back(std::max_element(row, row + classes) - row);
      model.log_loss.push_back(-row[truth]);
      row += classes;
    }
    const std::vector<float> said = find_values<float>(predictions.outputs, config_.magnitude);
    if (said.size() == labels.magnitude.size())
      for (size_t i = 0; i < said.size(); ++i)
        model.abs_error.push_back(std::abs(static_cast<double>(said[i]) - labels.magnitude[i]));
    return model;
  }

  static std::vector<double> shares(const std::vector<int64_t>& labels, int64_t classes) {
    std::vector<double> counts(classes);
    for (const int64_t label : labels) counts[label] += 1.0 / static_cast<double>(labels.size());
    return counts;
  }

  void calibrate(const at::Tensor& log_probs, const DirectionLabels& labels, MarketResult& result) const {
    result.calibration.resize(config_.calibration_bins);
    const double* row = log_probs.const_data_ptr<double>();
    for (int64_t i = 0; i < result.samples; ++i, row += result.classes) {
      const double confidence = std::exp(*std::max_element(row, row + result.classes));
      const auto bin =
          static_cast<int64_t>(std::ceil(confidence * static_cast<double>(config_.calibration_bins))) - 1;
      CalibrationBin& found = result.calibration[std::clamp<int64_t>(bin, 0, config_.calibration_bins - 1)];
      found.samples += 1;
      found.confidence += confidence;
      found.accuracy += result.contenders[0].guess[i] == labels.direction[i];
    }
    for (CalibrationBin& bin : result.calibration) {
      if (bin.samples == 0) continue;
      result.calibration_error +=
          std::abs(bin.accuracy - bin.confidence) / static_cast<double>(result.samples);
      bin.confidence /= static_cast<double>(bin.samples);
      bin.accuracy /= static_cast<double>(bin.samples);
    }
  }

  Report report(const DirectionLabels& labels, bool full, MarketResult& result) const {
    const SampleSums sums = contender_sums(result.contenders, labels.direction, result.classes);
    std::vector<double> all(sums.columns());
    sums.add(0, result.samples, all);
    result.values.resize(result.contenders.size() * kMarketMetrics.size());
    contender_metrics(all, result.samples, result.classes, result.values);
    Report report;
    for (size_t m = 0; m < metric_count(result.contenders[0]); ++m)
      report.scalars.emplace_back(kMarketMetrics[m].key, result.values[m]);
    if (!full) return report;
    const auto confusion = contender_confusion(all, 0, result.classes);
    result.confusion.assign(confusion.begin(), confusion.end());
    resample(sums, result);
    report.json = market_json(result);
    report.table = market_table(result);
    return report;
  }

  void resample(const SampleSums& sums, MarketResult& result) const {
    result.bootstrap = {.resamples = config_.resamples,
                        .block = config_.block,
                        .seed = static_cast<uint64_t>(config_.bootstrap_seed)};
    result.bootstrap.block = effective_block(result.bootstrap, result.samples);
    result.confidence = config_.confidence;
    const size_t width = result.values.size();
    const std::vector<double> drawn =
        block_bootstrap(sums, result.bootstrap, static_cast<int64_t>(width),
                        [&](std::span<const double> sum, std::span<double> out) {
                          contender_metrics(sum, result.samples, result.classes, out);
                        });
    std::vector<double> values(config_.resamples), differences(config_.resamples);
    for (size_t at = 0; at < width; ++at) {
      for (int64_t r = 0; r < config_.resamples; ++r) {
        const double* row = drawn.data() + r * width;
        values[r] = row[at];
        differences[r] = row[at % kMarketMetrics.size()] - row[at];
      }
      result.intervals.push_back(percentile_interval(values, config_.confidence));
      result.differences.push_back(percentile_interval(differences, config_.confidence));
    }
  }

  MarketConfig config_;
};

}  // namespace

EvaluatorComponent make_market() {
  return component<MarketConfig, Evaluator, const DataSpec&>(
      "market", "direction and magnitude of a market's next move, against baselines",
      [](const MarketConfig& config, const DataSpec& spec) {
        return std::make_unique<MarketEvaluator>(config, spec);
      });
}

}  // namespace athanor
