#include "data/bars/features.h"

#include <catch2/catch.hpp>
#include <numbers>

#include "tests/data/bars/bars_fixtures.h"

using namespace athanor;

namespace {

// Textbook definitions, each written for one row from the bars up to it.
double weighted_mean(const std::vector<double>& values, int64_t i, double span) {
  const double alpha = 2 / (span + 1);
  double sum = 0, weights = 0;
  for (int64_t k = 0; k <= i; ++k) {
    const double weight = std::pow(1 - alpha, static_cast<double>(k));
    sum += weight * values[i - k];
    weights += weight;
  }
  return sum / weights;
}

double true_range(const Bars& b, int64_t i) {
  if (i == 0) return b.high[0] - b.low[0];
  return std::max(
      {b.high[i] - b.low[i], std::abs(b.high[i] - b.close[i - 1]), std::abs(b.low[i] - b.close[i - 1])});
}

// Wilder's: the simple mean of the first 14 values, then (13 * old + new) / 14.
double wilder(const std::vector<double>& values, int64_t i) {
  double mean = 0;
  for (int64_t k = 0; k < 14; ++k) mean += values[k] / 14;
  for (int64_t k = 14; k <= i; ++k) mean = (13 * mean + values[k]) / 14;
  return mean;
}

double mean20(const std::vector<double>& values, int64_t i) {
  double sum = 0;
  for (int64_t k = i - 19; k <= i; ++k) sum += values[k] / 20;
  return sum;
}

double macd(const Bars& b, int64_t i) {
  return (weighted_mean(b.close, i, 12) - weighted_mean(b.close, i, 26)) / b.close[i];
}

double reference(const std::string& name, const Bars& b, int64_t i) {
  if (name == "return") return std::log(b.close[i]) - std::log(b.close[i - 1]);
  if (name == "range") return (b.high[i] - b.low[i]) / b.close[i];
  if (name == "log_range") return std::log(1e-6 + (b.high[i] - b.low[i]) / b.close[i]);
  if (name == "body") return (b.close[i] - b.open[i]) / b.close[i];
  if (name == "upper_wick") return (b.high[i] - std::max(b.open[i], b.close[i])) / b.close[i];
  if (name == "lower_wick") return (std::min(b.open[i], b.close[i]) - b.low[i]) / b.close[i];
  if (name == "volume") return std::log(1 + b.volume[i]);
  if (name == "volume_ratio") return std::log((1 + b.volume[i]) / (1 + mean20(b.volume, i)));
  if (name == "rsi14") {
    std::vector<double> gains, losses;
    for (int64_t k = 1; k <= i; ++k) {
      gains.push_back(std::max(0.0, b.close[k] - b.close[k - 1]));
      losses.push_back(std::max(0.0, b.close[k - 1] - b.close[k]));
    }
    return 1 - 1 / (1 + wilder(gains, i - 1) / wilder(losses, i - 1));
  }
  if (name == "atr14") {
    std::vector<double> ranges;
    for (int64_t k = 0; k <= i; ++k) ranges.push_back(true_range(b, k));
    return wilder(ranges, i) / b.close[i];
  }
  if (name == "ema12") return b.close[i] / weighted_mean(b.close, i, 12) - 1;
  if (name == "ema26") return b.close[i] / weighted_mean(b.close, i, 26) - 1;
  if (name == "ema60") return b.close[i] / weighted_mean(b.close, i, 60) - 1;
  if (name == "macd") return macd(b, i);
  if (name == "macd_histogram") {
    std::vector<double> line;
    for (int64_t k = 0; k <= i; ++k) line.push_back(macd(b, k));
    return line[i] - weighted_mean(line, i, 9);
  }
  if (name == "bollinger20") {
    const double mean = mean20(b.close, i);
    double squares = 0;
    for (int64_t k = i - 19; k <= i; ++k) squares += (b.close[k] - mean) * (b.close[k] - mean) / 20;
    return (b.close[i] - mean) / (2 * std::sqrt(squares));
  }
  const double close_time = static_cast<double>(b.time[i] + 60), turn = 2 * std::numbers::pi;
  if (name == "day_sin") return std::sin(turn * close_time / 86400);
  if (name == "day_cos") return std::cos(turn * close_time / 86400);
  if (name == "week_sin") return std::sin(turn * (close_time - kMondayNoon + 43200) / 604800);
  if (name == "week_cos") return std::cos(turn * (close_time - kMondayNoon + 43200) / 604800);
  if (name == "gap") return std::log(static_cast<double>(b.time[i] - b.time[i - 1]) / 60);
  throw std::runtime_error("no reference for " + name);
}

}  // namespace

CATCH_TEST_CASE("features: each equals its textbook definition after its warm-up", "[unit]") {
  const Bars bars = random_bars(400, 21, kMondayNoon + 4 * 86400 + 7 * 3600);  // over a weekend
  for (const auto& info : feature_table()) {
    CATCH_INFO(info.name);
    const FeatureMatrix matrix = compute_features(bars, 60, {info.name});
    CATCH_REQUIRE(matrix.rows == bars.size());
    CATCH_CHECK(matrix.warmup_bars == info.warmup_bars);
    double worst = 0, largest = 0;
    for (int64_t i = info.warmup_bars; i < matrix.rows; ++i) {
      const double expected = reference(info.name, bars, i);
      worst = std::max(worst, std::abs(matrix.row(i)[0] - expected));
      largest = std::max(largest, std::abs(expected));
    }
    CATCH_CHECK(largest > 0);
    CATCH_CHECK(worst <= 3e-7 * largest + 1e-11);
  }
}

CATCH_TEST_CASE("features: finite from the first row, also where nothing moves or trades", "[unit]") {
  Bars flat;
  for (int64_t i = 0; i < 100; ++i) flat.push(i * 60, 1.5, 1.5, 1.5, 1.5, 0);
  for (const Bars& bars : {flat, random_bars(100, 22)}) {
    const FeatureMatrix matrix = compute_features(bars, 60, feature_names());
    CATCH_CHECK(
        std::all_of(matrix.values.begin(), matrix.values.end(), [](float x) { return std::isfinite(x); }));
  }
}

CATCH_TEST_CASE("features: columns come in the order asked for", "[unit]") {
  const Bars bars = random_bars(80, 23);
  const FeatureMatrix both = compute_features(bars, 60, {"rsi14", "return"});
  const FeatureMatrix rsi = compute_features(bars, 60, {"rsi14"}),
                      move = compute_features(bars, 60, {"return"});
  CATCH_REQUIRE(both.columns == 2);
  for (int64_t i = 0; i < both.rows; ++i) {
    CATCH_REQUIRE(both.row(i)[0] == rsi.row(i)[0]);
    CATCH_REQUIRE(both.row(i)[1] == move.row(i)[0]);
  }
}

CATCH_TEST_CASE("features: an unknown name suggests a known one", "[unit]") {
  const std::string message = error_of([] { compute_features(random_bars(30, 24), 60, {"rsi41"}); });
  CATCH_CHECK(message.find("'rsi41'") != std::string::npos);
  CATCH_CHECK(message.find("did you mean 'rsi14'") != std::string::npos);
}
