#include "data/bars/features.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numbers>

#include "src/core/error.h"
#include "src/core/text.h"

namespace athanor {
namespace {

using Series = std::vector<double>;

constexpr int64_t kWilderPeriod = 14;
constexpr int64_t kRollingBars = 20;
constexpr double kDaySeconds = 86400;
constexpr double kWeekSeconds = 7 * kDaySeconds;
constexpr double kFirstMonday = 4 * kDaySeconds;  // 1970-01-05 00:00 UTC

struct Input {
  const Bars& bars;
  int64_t step_seconds;
};

struct Feature {
  FeatureInfo info;
  std::function<Series(const Input&)> compute;
};

template <class RowFunction>
Series by_row(const Input& in, RowFunction function) {
  Series out(in.bars.size());
  for (size_t i = 0; i < out.size(); ++i) out[i] = function(i);
  return out;
}

// sum_k a(1-a)^k x[i-k] / sum_k a(1-a)^k with a = 2/(span+1): pandas' ewm(span, adjust=True). Unbiased from
// row 0.
Series exponential_mean(const Series& values, int64_t span) {
  const double keep = 1 - 2.0 / (static_cast<double>(span) + 1);
  Series out(values.size());
  double sum = 0, weight = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    sum = sum * keep + values[i];
    weight = weight * keep + 1;
    out[i] = sum / weight;
  }
  return out;
}

// Wilder's smoothing: the mean of what there is up to `period` values, from then on 1/period of the new one.
Series wilder_mean(const Series& values, int64_t period) {
  Series out(values.size());
  double mean = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    const double count = static_cast<double>(std::min<int64_t>(static_cast<int64_t>(i) + 1, period));
    mean += (values[i] - mean) / count;
    out[i] = mean;
  }
  return out;
}

// f over the last `length` values up to each row (fewer at the start), summed afresh so that nothing drifts.
template <class WindowFunction>
Series rolling(const Series& values, int64_t length, WindowFunction function) {
  Series out(values.size());
  for (int64_t i = 0; i < static_cast<int64_t>(values.size()); ++i) {
    const int64_t first = std::max<int64_t>(0, i + 1 - length);
    out[i] = function(values.data() + first, i + 1 - first);
  }
  return out;
}

double mean_of(const double* values, int64_t count) {
  double sum = 0;
  for (int64_t i = 0; i < count; ++i) sum += values[i];
  return sum / static_cast<double>(count);
}

double deviation_of(const double* values, int64_t count) {
  const double mean = mean_of(values, count);
  double sum = 0;
  for (int64_t i = 0; i < count; ++i) sum += (values[i] - mean) * (values[i] - mean);
  return std::sqrt(sum / static_cast<double>(count));
}

Series relative_strength(const Input& in) {
  const Series& close = in.bars.close;
  if (close.empty()) return {};
  Series gains(close.size() - 1), losses(close.size() - 1);
  for (size_t i = 1; i < close.size(); ++i) {
    gains[i - 1] = std::max(0.0, close[i] - close[i - 1]);
    losses[i - 1] = std::max(0.0, close[i - 1] - close[i]);
  }
  const Series gain = wilder_mean(gains, kWilderPeriod), loss = wilder_mean(losses, kWilderPeriod);
  return by_row(in, [&](size_t i) {
    const double sum = i == 0 ? 0 : gain[i - 1] + loss[i - 1];
    return sum > 0 ? gain[i - 1] / sum : 0.5;
  });
}

Series distance_to_mean(const Input& in, int64_t span) {
  const Series mean = exponential_mean(in.bars.close, span);
  return by_row(in, [&](size_t i) { return in.bars.close[i] / mean[i] - 1; });
}

Series macd_line(const Input& in) {
  const Series fast = exponential_mean(in.bars.close, 12), slow = exponential_mean(in.bars.close, 26);
  return by_row(in, [&](size_t i) { return (fast[i] - slow[i]) / in.bars.close[i]; });
}

Series macd_histogram(const Input& in) {
  const Series line = macd_line(in);
  const Series signal = exponential_mean(line, 9);
  return by_row(in, [&](size_t i) { return line[i] - signal[i]; });
}

Series bollinger_position(const Input& in) {
  const Series mean = rolling(in.bars.close, kRollingBars, mean_of);
  const Series deviation = rolling(in.bars.close, kRollingBars, deviation_of);
  return by_row(in, [&](size_t i) {
    const bool flat = deviation[i] <= 1e-12 * mean[i];
    return flat ? 0.0 : (in.bars.close[i] - mean[i]) / (2 * deviation[i]);
  });
}

Series volume_ratio(const Input& in) {
  const Series mean = rolling(in.bars.volume, kRollingBars, mean_of);
  return by_row(in, [&](size_t i) { return std::log1p(in.bars.volume[i]) - std::log1p(mean[i]); });
}

// wave(2 pi * place of the bar's close in a cycle of `cycle_seconds` that began at `origin_seconds`).
Series clock_wave(const Input& in, double (*wave)(double), double cycle_seconds, double origin_seconds) {
  return by_row(in, [&](size_t i) {
    const double close_time = static_cast<double>(in.bars.time[i] + in.step_seconds);
    return wave(2 * std::numbers::pi * std::fmod(close_time - origin_seconds, cycle_seconds) / cycle_seconds);
  });
}

double sine(double x) { return std::sin(x); }
double cosine(double x) { return std::cos(x); }

std::vector<Feature> make_features() {
  std::vector<Feature> all;
  const auto add = [&](const char* name, const char* formula, int64_t warmup, auto compute) {
    all.push_back({{name, formula, warmup}, compute});
  };
  // A feature of one row: f(bars, i).
  const auto add_row = [&](const char* name, const char* formula, int64_t warmup, auto function) {
    add(name, formula, warmup,
        [function](const Input& in) { return by_row(in, [&](size_t i) { return function(in.bars, i); }); });
  };
  add_row("return", "ln(close / previous close)", 1,
          [](const Bars& b, size_t i) { return i == 0 ? 0.0 : std::log(b.close[i] / b.close[i - 1]); });
  add_row("range", "(high - low) / close", 0,
          [](const Bars& b, size_t i) { return (b.high[i] - b.low[i]) / b.close[i]; });
  add_row("log_range", "ln(1e-6 + (high - low) / close)", 0,
          [](const Bars& b, size_t i) { return std::log(1e-6 + (b.high[i] - b.low[i]) / b.close[i]); });
  add_row("body", "(close - open) / close", 0,
          [](const Bars& b, size_t i) { return (b.close[i] - b.open[i]) / b.close[i]; });
  add_row("upper_wick", "(high - max(open, close)) / close", 0,
          [](const Bars& b, size_t i) { return (b.high[i] - std::max(b.open[i], b.close[i])) / b.close[i]; });
  add_row("lower_wick", "(min(open, close) - low) / close", 0,
          [](const Bars& b, size_t i) { return (std::min(b.open[i], b.close[i]) - b.low[i]) / b.close[i]; });
  add_row("volume", "ln(1 + volume)", 0, [](const Bars& b, size_t i) { return std::log1p(b.volume[i]); });
  add("volume_ratio", "ln((1 + volume) / (1 + mean volume of the last 20 bars))", kRollingBars - 1,
      volume_ratio);
  add("rsi14", "Wilder's relative strength index over 14 bars, in [0,1]", kWilderPeriod, relative_strength);
  add("atr14", "Wilder's average true range over 14 bars / close", kWilderPeriod, [](const Input& in) {
    const Series range = average_true_range(in.bars, kWilderPeriod);
    return by_row(in, [&](size_t i) { return range[i] / in.bars.close[i]; });
  });
  add("ema12", "close / exponential mean of span 12 - 1", 12,
      [](const Input& in) { return distance_to_mean(in, 12); });
  add("ema26", "close / exponential mean of span 26 - 1", 26,
      [](const Input& in) { return distance_to_mean(in, 26); });
  add("ema60", "close / exponential mean of span 60 - 1", 60,
      [](const Input& in) { return distance_to_mean(in, 60); });
  add("macd", "(exponential mean of span 12 - of span 26) / close", 26, macd_line);
  add("macd_histogram", "macd - exponential mean of macd of span 9", 35, macd_histogram);
  add("bollinger20", "(close - mean of 20 closes) / (2 standard deviations of them)", kRollingBars - 1,
      bollinger_position);
  add("day_sin", "sin(2 pi * time of day of the bar's close)", 0,
      [](const Input& in) { return clock_wave(in, sine, kDaySeconds, 0); });
  add("day_cos", "cos(2 pi * time of day of the bar's close)", 0,
      [](const Input& in) { return clock_wave(in, cosine, kDaySeconds, 0); });
  add("week_sin", "sin(2 pi * time since Monday 00:00 of the bar's close / 7 days)", 0,
      [](const Input& in) { return clock_wave(in, sine, kWeekSeconds, kFirstMonday); });
  add("week_cos", "cos(2 pi * time since Monday 00:00 of the bar's close / 7 days)", 0,
      [](const Input& in) { return clock_wave(in, cosine, kWeekSeconds, kFirstMonday); });
  add("gap", "ln(1 + minutes without a bar since the bar before)", 1, [](const Input& in) {
    return by_row(in, [&](size_t i) {
      const int64_t seconds = i == 0 ? 0 : in.bars.time[i] - in.bars.time[i - 1] - in.step_seconds;
      return std::log1p(static_cast<double>(std::max<int64_t>(0, seconds)) / 60);
    });
  });
  return all;
}

const std::vector<Feature>& features() {
  static const std::vector<Feature> all = make_features();
  return all;
}

const Feature& feature_named(const std::string& name) {
  for (const auto& feature : features()) {
    if (feature.info.name == name) return feature;
  }
  throw usage_error({.where = "prepare.features",
                     .what = text("unknown feature '", name, "'"),
                     .hint = suggestion(name, feature_names())});
}

}  // namespace

const std::vector<FeatureInfo>& feature_table() {
  static const std::vector<FeatureInfo> table = [] {
    std::vector<FeatureInfo> out;
    for (const auto& feature : features()) out.push_back(feature.info);
    return out;
  }();
  return table;
}

std::vector<std::string> feature_names() {
  std::vector<std::string> names;
  for (const auto& info : feature_table()) names.push_back(info.name);
  return names;
}

FeatureMatrix compute_features(const Bars& bars, int64_t step_seconds,
                               const std::vector<std::string>& names) {
  FeatureMatrix matrix;
  matrix.rows = bars.size();
  matrix.columns = static_cast<int64_t>(names.size());
  matrix.values.resize(matrix.rows * matrix.columns);
  for (int64_t f = 0; f < matrix.columns; ++f) {
    const Feature& feature = feature_named(names[f]);
    const Series column = feature.compute({bars, step_seconds});
    for (int64_t i = 0; i < matrix.rows; ++i)
      matrix.values[i * matrix.columns + f] = static_cast<float>(column[i]);
    matrix.warmup_bars = std::max(matrix.warmup_bars, feature.info.warmup_bars);
  }
  return matrix;
}

std::vector<double> average_true_range(const Bars& bars, int64_t period) {
  Series ranges(bars.size());
  for (size_t i = 0; i < ranges.size(); ++i) {
    const double previous = i == 0 ? bars.close[i] : bars.close[i - 1];
    const double high = i == 0 ? bars.high[i] : std::max(bars.high[i], previous);
    const double low = i == 0 ? bars.low[i] : std::min(bars.low[i], previous);
    ranges[i] = high - low;
  }
  return wilder_mean(ranges, period);
}

}  // namespace athanor
