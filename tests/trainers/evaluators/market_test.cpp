#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/one_hot.h>
#include <ATen/ops/tensor.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <cmath>
#include <nlohmann/json.hpp>

#include "src/core/error.h"
#include "src/core/random.h"
#include "trainers/evaluator.h"
#include "trainers/evaluators/block_bootstrap.h"

namespace athanor {
namespace {

using Json = nlohmann::ordered_json;

struct Series {
  std::vector<int64_t> truth, past;
  std::vector<double> magnitude, past_magnitude;
};

// Directions that last for some samples, so that persistence knows something.
Series sticky_series(int64_t samples, uint64_t seed) {
  Rng rng(seed);
  Series series;
  int64_t now = 1;
  for (int64_t i = 0; i < samples; ++i) {
    series.past.push_back(now);
    if (rng.uniform() < 0.3) now = static_cast<int64_t>(rng.below(3));
    series.truth.push_back(now);
    series.magnitude.push_back(1 + 4 * rng.uniform());
    series.past_magnitude.push_back(1 + 4 * rng.uniform());
  }
  return series;
}

TensorMap labels_of(const Series& series) {
  return {{"direction", at::tensor(series.truth)},
          {"magnitude", at::tensor(series.magnitude).to(at::kFloat)},
          {"past_direction", at::tensor(series.past)},
          {"past_magnitude", at::tensor(series.past_magnitude).to(at::kFloat)}};
}

// A model that is right with probability `skill`.
Predictions skilled(const Series& series, double skill, uint64_t seed) {
  Rng rng(seed);
  std::vector<int64_t> guess;
  for (const int64_t truth : series.truth)
    guess.push_back(rng.uniform() < skill ? truth : static_cast<int64_t>(rng.below(3)));
  Predictions predictions;
  predictions.labels = labels_of(series);
  predictions.outputs.set("direction", at::one_hot(at::tensor(guess), 3).to(at::kFloat) * 2);
  predictions.outputs.set("magnitude", (predictions.labels.at("magnitude") + 0.5).unsqueeze(1));
  predictions.time = at::arange(static_cast<int64_t>(guess.size()), at::kLong) * 60 + 1700000000;
  return predictions;
}

std::unique_ptr<Evaluator> market(int64_t label_overlap) {
  DataSpec spec;
  spec.label_overlap = label_overlap;
  return EvaluatorChoice(evaluator_components(), "market").make(spec);
}

CATCH_TEST_CASE("market: baselines come from the training labels and the past alone", "[unit]") {
  const Series series = sticky_series(400, 1);
  Series train = sticky_series(300, 2);
  for (auto& direction : train.truth) direction = 2;
  train.magnitude.assign(300, 3.0);
  const Report report = market(1)->evaluate(skilled(series, 0.5, 3), labels_of(train), true);
  const Json metrics = Json::parse(report.json)["metrics"];
  double up = 0, kept = 0, from_median = 0, from_past = 0;
  for (size_t i = 0; i < series.truth.size(); ++i) {
    up += series.truth[i] == 2;
    kept += series.truth[i] == series.past[i];
    from_median += std::abs(series.magnitude[i] - 3);
    from_past += std::abs(series.magnitude[i] - series.past_magnitude[i]);
  }
  CATCH_CHECK(metrics["accuracy"]["majority"]["value"].get<double>() == Approx(up / 400));
  CATCH_CHECK(metrics["accuracy"]["persistence"]["value"].get<double>() == Approx(kept / 400));
  CATCH_CHECK(metrics["mae_pips"]["majority"]["value"].get<double>() == Approx(from_median / 400));
  CATCH_CHECK(metrics["mae_pips"]["persistence"]["value"].get<double>() == Approx(from_past / 400));
  CATCH_CHECK(metrics["mae_pips"]["model"]["value"].get<double>() == Approx(0.5));
  CATCH_CHECK(metrics["mcc"]["majority"]["value"].get<double>() == 0);
}

CATCH_TEST_CASE("market: a difference is the model's value less the baseline's, inside its own interval",
                "[unit]") {
  const Series series = sticky_series(3000, 4);
  const Report report = market(10)->evaluate(skilled(series, 0.8, 5), labels_of(series), true);
  const Json json = Json::parse(report.json);
  for (const auto& [name, metric] : json["metrics"].items()) {
    CATCH_INFO(name);
    for (const char* baseline : {"majority", "persistence"}) {
      const Json& entry = metric[baseline];
      const double difference = metric["model"]["value"].get<double>() - entry["value"].get<double>();
      CATCH_CHECK(entry["difference"].get<double>() == Approx(difference));
      CATCH_CHECK(entry["difference_interval"][0].get<double>() <= difference);
      CATCH_CHECK(entry["difference_interval"][1].get<double>() >= difference);
    }
  }
  CATCH_CHECK(json["metrics"]["accuracy"]["majority"]["difference_interval"][0].get<double>() > 0);
  CATCH_CHECK(json["bootstrap"]["block_samples"] == 10);
  CATCH_CHECK(report.table.find("better") != std::string::npos);
  CATCH_CHECK(report.table.find("claim no profit") != std::string::npos);
}

CATCH_TEST_CASE("market: the report is the same each time, and no line is wider than 80 columns", "[unit]") {
  const Series series = sticky_series(2000, 6);
  const Predictions predictions = skilled(series, 0.6, 7);
  const Report once = market(36)->evaluate(predictions, labels_of(series), true);
  const Report again = market(36)->evaluate(predictions, labels_of(series), true);
  CATCH_CHECK(once.json == again.json);
  CATCH_CHECK(once.table == again.table);
  size_t widest = 0;
  for (size_t begin = 0, end; (end = once.table.find('\n', begin)) != std::string::npos; begin = end + 1)
    widest = std::max(widest, end - begin);
  CATCH_CHECK(widest <= 80);
}

CATCH_TEST_CASE("market: without the past or magnitudes what needs them is left out", "[unit]") {
  const Series series = sticky_series(200, 8);
  Predictions predictions = skilled(series, 0.6, 9);
  predictions.labels = {{"direction", predictions.labels.at("direction")}};
  predictions.outputs = {{"direction", predictions.outputs.at("direction")}};
  const Report report = market(1)->evaluate(predictions, predictions.labels, true);
  const Json metrics = Json::parse(report.json)["metrics"];
  CATCH_CHECK_FALSE(metrics.contains("mae_pips"));
  CATCH_CHECK_FALSE(metrics["accuracy"].contains("persistence"));
  CATCH_CHECK(metrics["accuracy"].contains("majority"));
}

CATCH_TEST_CASE("market: the calibration error of sure and right is zero, of sure and wrong is one",
                "[unit]") {
  const Series series = sticky_series(100, 10);
  Predictions predictions = skilled(series, 1.0, 11);
  predictions.outputs.set("direction", predictions.outputs.at("direction") * 100);
  const auto error_of = [&] {
    return Json::parse(market(1)
                           ->evaluate(predictions, predictions.labels, true)
                           .json)["calibration"]["expected_calibration_error"]
        .get<double>();
  };
  CATCH_CHECK(error_of() == Approx(0).margin(1e-12));
  predictions.outputs.set("direction", predictions.outputs.at("direction").roll(1, 1));
  CATCH_CHECK(error_of() == Approx(1));
}

CATCH_TEST_CASE("market: outputs that are not numbers and unknown classes are named", "[unit]") {
  const Series series = sticky_series(20, 12);
  Predictions predictions = skilled(series, 1.0, 13);
  predictions.outputs.at("direction")[7][1] = std::nan("");
  CATCH_CHECK_THROWS_WITH(market(1)->evaluate(predictions, {}, false), Catch::Contains("sample 7"));
  Predictions strange = skilled(series, 1.0, 13);
  strange.labels.at("direction")[4] = 3;
  CATCH_CHECK_THROWS_WITH(market(1)->evaluate(strange, {}, false),
                          Catch::Contains("sample 4") && Catch::Contains("got 3"));
}

CATCH_TEST_CASE("bootstrap: of independent samples it agrees with the standard error of a mean", "[unit]") {
  constexpr int64_t kSamples = 2000;
  SampleSums sums(kSamples, 1);
  Rng rng(14);
  double total = 0, squares = 0;
  for (int64_t i = 0; i < kSamples; ++i) {
    const double value = rng.normal();
    sums.row(i)[0] = value;
    total += value;
    squares += value * value;
  }
  sums.accumulate();
  const double mean = total / kSamples;
  const double error = std::sqrt((squares / kSamples - mean * mean) / kSamples);
  const auto drawn = block_bootstrap(sums, {.resamples = 4000, .block = 1, .seed = 15}, 1,
                                     [](auto sum, auto out) { out[0] = sum[0] / kSamples; });
  const Interval interval = percentile_interval(drawn, 0.95);
  CATCH_CHECK(interval.low == Approx(mean - 1.96 * error).margin(0.1 * error));
  CATCH_CHECK(interval.high == Approx(mean + 1.96 * error).margin(0.1 * error));
}

CATCH_TEST_CASE("bootstrap: blocks widen the interval where neighbours repeat each other", "[unit]") {
  constexpr int64_t kSamples = 3600, kRepeats = 36;
  SampleSums sums(kSamples, 1);
  Rng rng(16);
  double value = 0;
  for (int64_t i = 0; i < kSamples; ++i) {
    if (i % kRepeats == 0) value = rng.normal();
    sums.row(i)[0] = value;
  }
  sums.accumulate();
  const auto width = [&](int64_t block) {
    const auto drawn = block_bootstrap(sums, {.resamples = 2000, .block = block, .seed = 17}, 1,
                                       [](auto sum, auto out) { out[0] = sum[0] / kSamples; });
    const Interval interval = percentile_interval(drawn, 0.95);
    return interval.high - interval.low;
  };
  // 100 independent values, not 3600: the honest interval is six times as wide; blocks reach most of that.
  CATCH_CHECK(width(kRepeats) > 4 * width(1));
  CATCH_CHECK(width(kRepeats) < 6.5 * width(1));
}

CATCH_TEST_CASE("bootstrap: percentiles lie between order statistics as numpy puts them", "[unit]") {
  const Interval interval = percentile_interval({5, 1, 4, 2, 3}, 0.5);
  CATCH_CHECK(interval.low == Approx(2));
  CATCH_CHECK(interval.high == Approx(4));
  CATCH_CHECK(percentile_interval({1, 2}, 0.9).low == Approx(1.05));
}

}  // namespace
}  // namespace athanor
