#include "trainers/evaluators/market_report.h"

#include <ATen/ops/max.h>
#include <ATen/ops/min.h>

#include <cstdio>
#include <ctime>
#include <nlohmann/json.hpp>

#include "src/core/text.h"

namespace athanor {
namespace {

using Json = nlohmann::ordered_json;
constexpr size_t kMetrics = kMarketMetrics.size();
constexpr const char* kStatement =
    "These numbers say how well past data were predicted. They include no costs and claim no profit.";

template <class... Values>
std::string format(const char* pattern, Values... values) {
  char buffer[256];
  std::snprintf(buffer, sizeof(buffer), pattern, values...);
  return buffer;
}

std::string minute_text(int64_t seconds) {
  const std::time_t time = seconds;
  std::tm parts{};
  gmtime_r(&time, &parts);
  char buffer[32];
  std::strftime(buffer, sizeof(buffer), "%Y-%m-%d %H:%M", &parts);
  return buffer;
}

Json interval_json(const Interval& interval) { return Json::array({interval.low, interval.high}); }

Json metrics_json(const MarketResult& result) {
  Json metrics;
  for (size_t m = 0; m < metric_count(result.contenders[0]); ++m) {
    Json metric{{"higher_is_better", kMarketMetrics[m].higher_is_better}};
    for (size_t c = 0; c < result.contenders.size(); ++c) {
      const size_t at = c * kMetrics + m;
      Json entry{{"value", result.values[at]}, {"interval", interval_json(result.intervals[at])}};
      if (c > 0) {
        entry["difference"] = result.values[m] - result.values[at];
        entry["difference_interval"] = interval_json(result.differences[at]);
      }
      metric[result.contenders[c].name] = entry;
    }
    metrics[kMarketMetrics[m].key] = metric;
  }
  return metrics;
}

Json classes_json(const MarketResult& result) {
  const std::vector<std::string> names = direction_names(result.classes);
  const std::vector<ClassRow> rows = class_rows(result.confusion, result.classes);
  const auto samples = static_cast<double>(result.samples);
  Json classes = Json::array();
  for (int64_t k = 0; k < result.classes; ++k)
    classes.push_back({{"name", names[k]},
                       {"samples", static_cast<int64_t>(rows[k].support)},
                       {"share", rows[k].support / samples},
                       {"predicted_share", rows[k].predicted / samples},
                       {"train_share", result.train_shares[k]},
                       {"precision", rows[k].precision},
                       {"recall", rows[k].recall},
                       {"f1", rows[k].f1}});
  return classes;
}

Json confusion_json(const MarketResult& result) {
  Json counts = Json::array();
  for (int64_t truth = 0; truth < result.classes; ++truth) {
    Json row = Json::array();
    for (int64_t guess = 0; guess < result.classes; ++guess)
      row.push_back(static_cast<int64_t>(result.confusion[truth * result.classes + guess]));
    counts.push_back(row);
  }
  return {{"names", direction_names(result.classes)},
          {"rows", "true"},
          {"columns", "predicted"},
          {"counts", counts}};
}

Json calibration_json(const MarketResult& result) {
  Json bins = Json::array();
  for (const CalibrationBin& bin : result.calibration)
    bins.push_back({{"samples", bin.samples}, {"confidence", bin.confidence}, {"accuracy", bin.accuracy}});
  return {{"expected_calibration_error", result.calibration_error}, {"bins", bins}};
}

// Whether the interval of the difference leaves out zero, and on which side.
const char* verdict(const MarketMetric& metric, const Interval& difference) {
  const bool above = difference.low > 0, below = difference.high < 0;
  if (!above && !below) return "not clear";
  return above == metric.higher_is_better ? "better" : "worse";
}

// The model's row shows its value's interval, a baseline's row that of the difference: 80 columns hold no
// more.
std::string metric_rows(const MarketResult& result, size_t m) {
  const MarketMetric& metric = kMarketMetrics[m];
  const Interval& own = result.intervals[m];
  std::string out = format("%-17s %-11s %7.4f            [%7.4f, %7.4f]\n", metric.title,
                           result.contenders[0].name.c_str(), result.values[m], own.low, own.high);
  for (size_t c = 1; c < result.contenders.size(); ++c) {
    const size_t at = c * kMetrics + m;
    const Interval& difference = result.differences[at];
    out += format("%-17s %-11s %7.4f  %+8.4f  [%+7.4f, %+7.4f]  %s\n", "", result.contenders[c].name.c_str(),
                  result.values[at], result.values[m] - result.values[at], difference.low, difference.high,
                  verdict(metric, difference));
  }
  return out;
}

std::string confusion_rows(const MarketResult& result) {
  const std::vector<std::string> names = direction_names(result.classes);
  const std::vector<ClassRow> rows = class_rows(result.confusion, result.classes);
  const auto samples = static_cast<double>(result.samples);
  std::string out = "true \\ predicted ";
  for (const std::string& name : names) out += format("%8s", name.c_str());
  out += "  recall  precis.     F1   share  train\n";
  for (int64_t truth = 0; truth < result.classes; ++truth) {
    const ClassRow& row = rows[truth];
    out += format("%-17s", names[truth].c_str());
    for (int64_t guess = 0; guess < result.classes; ++guess)
      out += format("%8.0f", result.confusion[truth * result.classes + guess]);
    out += format("  %6.4f   %6.4f %6.4f  %5.1f%% %5.1f%%\n", row.recall, row.precision, row.f1,
                  100 * row.support / samples, 100 * result.train_shares[truth]);
  }
  return out;
}

}  // namespace

std::string market_json(const MarketResult& result) {
  Json json{{"evaluator", "market"}, {"samples", result.samples}};
  const Predictions& predictions = *result.predictions;
  if (predictions.time.defined())
    json["time"] = {{"first", predictions.time.min().item<int64_t>()},
                    {"last", predictions.time.max().item<int64_t>()}};
  json["loss"] = predictions.loss;
  for (const auto& [name, value] : predictions.loss_parts) json["loss_parts"][name] = value;
  json["metrics"] = metrics_json(result);
  json["confusion"] = confusion_json(result);
  json["classes"] = classes_json(result);
  json["calibration"] = calibration_json(result);
  json["bootstrap"] = {{"method", "moving block"},
                       {"resamples", result.bootstrap.resamples},
                       {"block_samples", result.bootstrap.block},
                       {"seed", result.bootstrap.seed},
                       {"confidence", result.confidence}};
  json["statement"] = kStatement;
  return json.dump(2);
}

std::string market_table(const MarketResult& result) {
  const Predictions& predictions = *result.predictions;
  std::string out = format("%ld samples", result.samples);
  if (predictions.time.defined())
    out += ", " + minute_text(predictions.time.min().item<int64_t>()) + " to " +
           minute_text(predictions.time.max().item<int64_t>()) + " UTC";
  out += format("\nloss %.4f", predictions.loss);
  for (const auto& [name, value] : predictions.loss_parts) out += format("  %s %.4f", name.c_str(), value);
  const std::string share = shortest(100 * result.confidence) + " % interval";
  out += format("\n\n%-29s %7s  %8s   %s\n", "", "value", "diff.", share.c_str());
  for (size_t m = 0; m < metric_count(result.contenders[0]); ++m) out += metric_rows(result, m);
  out += "\n" + confusion_rows(result);
  out += format("\nexpected calibration error %.4f\n", result.calibration_error);
  out += "intervals: the model's of its value, a baseline's of model less baseline;\n";
  out += format("%ld resamples of blocks of %ld samples (neighbouring samples overlap)\n",
                result.bootstrap.resamples, result.bootstrap.block);
  if (result.samples < 30 * result.bootstrap.block)
    out += format("with only %ld blocks the intervals are rough\n", result.samples / result.bootstrap.block);
  std::string statement = kStatement;
  statement[statement.find(". ") + 1] = '\n';
  return out + statement + "\n";
}

}  // namespace athanor
