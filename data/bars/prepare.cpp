#include "data/bars/prepare.h"

#include <algorithm>
#include <cmath>

#include "data/bars/timeframe.h"
#include "src/core/error.h"
#include "src/core/text.h"

namespace athanor {
namespace {

constexpr double kYenLikePrice = 20;

LabelRule label_rule(const Bars& bars, const PrepareConfig& config) {
  return {.horizon_bars = config.horizon_bars,
          .scalp_bars = config.scalp_bars,
          .pip = config.pip > 0 ? config.pip : usual_pip(bars),
          .threshold_pips = config.threshold_pips,
          .threshold_atr = config.threshold_atr};
}

TimeframeData make_timeframe(const Bars& base, int64_t base_seconds, const std::string& name, int64_t window,
                             const PrepareConfig& config) {
  TimeframeData data;
  data.name = name;
  data.minutes = *find_timeframe_minutes(name);
  data.window = window;
  const Bars bars = resample(base, base_seconds, data.minutes);
  data.features = compute_features(bars, data.minutes * 60, config.features);
  for (const int64_t time : bars.time) data.close_time.push_back(time + data.minutes * 60);
  return data;
}

// Whether the `horizon` bars after `bar` follow without a pause longer than allowed.
std::vector<bool> unbroken_horizons(const Bars& bars, int64_t base_seconds, const PrepareConfig& config) {
  std::vector<bool> unbroken(bars.size(), true);
  if (config.max_gap_minutes == 0) return unbroken;
  for (int64_t i = 1; i < bars.size(); ++i) {
    if (bars.time[i] - bars.time[i - 1] - base_seconds <= config.max_gap_minutes * 60) continue;
    for (int64_t j = std::max<int64_t>(0, i - config.horizon_bars); j < i; ++j) unbroken[j] = false;
  }
  return unbroken;
}

// Picks the base bars at which samples are taken and fills bar, time, label_end and each timeframe's end.
void take_samples(const Bars& bars, const PrepareConfig& config, PreparedBars& out) {
  std::vector<int64_t> close_time;
  for (const int64_t time : bars.time) close_time.push_back(time + out.base_seconds);
  std::vector<std::vector<int64_t>> closed;
  for (const auto& timeframe : out.timeframes)
    closed.push_back(count_closed(timeframe.close_time, close_time));
  const auto has_windows = [&](int64_t i) {
    for (size_t k = 0; k < closed.size(); ++k) {
      const TimeframeData& timeframe = out.timeframes[k];
      if (closed[k][i] < timeframe.features.warmup_bars + timeframe.window) return false;
    }
    return true;
  };
  int64_t first = std::max(config.horizon_bars, kAtrPeriod);
  const int64_t last = bars.size() - 1 - config.horizon_bars;
  while (first <= last && !has_windows(first)) ++first;
  const std::vector<bool> unbroken = unbroken_horizons(bars, out.base_seconds, config);
  for (int64_t i = first; i <= last; i += config.stride_bars) {
    if (!unbroken[i]) continue;
    out.bar.push_back(i);
    out.time.push_back(close_time[i]);
    out.label_end.push_back(close_time[i + config.horizon_bars]);
    for (size_t k = 0; k < closed.size(); ++k) out.timeframes[k].end.push_back(closed[k][i]);
  }
}

// Parts in time; the end of each part is cut back until its labels end before the next part's first sample
// (less the embargo).
std::array<SplitRange, 3> split_samples(const PreparedBars& data, const PrepareConfig& config) {
  const int64_t count = data.samples();
  const auto place = [&](double fraction) { return static_cast<int64_t>(std::llround(fraction * count)); };
  const int64_t val = place(config.train_fraction), test = place(config.train_fraction + config.val_fraction);
  std::array<SplitRange, 3> splits = {SplitRange{0, val}, SplitRange{val, test}, SplitRange{test, count}};
  for (int k = 0; k < 2; ++k) {
    if (splits[k + 1].begin >= count) continue;
    const int64_t limit = data.time[splits[k + 1].begin] - config.embargo_minutes * 60;
    while (splits[k].size() > 0 && data.label_end[splits[k].end - 1] >= limit) --splits[k].end;
  }
  return splits;
}

// Mean and standard deviation of the rows that training samples see.
void fit_scaler(TimeframeData& data, const SplitRange& train) {
  const int64_t columns = data.features.columns;
  const int64_t first = data.end[train.begin] - data.window, last = data.end[train.end - 1];
  const double count = static_cast<double>(last - first);
  for (int64_t f = 0; f < columns; ++f) {
    double sum = 0, squares = 0;
    for (int64_t i = first; i < last; ++i) sum += data.features.row(i)[f];
    const double mean = sum / count;
    for (int64_t i = first; i < last; ++i) squares += std::pow(data.features.row(i)[f] - mean, 2);
    const double deviation = std::sqrt(squares / count);
    const bool constant = deviation <= 1e-6 * std::abs(mean) || deviation < 1e-12;
    data.mean.push_back(static_cast<float>(mean));
    data.scale.push_back(constant ? 1.0F : static_cast<float>(deviation));
  }
}

[[noreturn]] void fail_too_few(const Bars& bars, const PreparedBars& data, const PrepareConfig& config) {
  std::string longest;
  int64_t longest_minutes = 0;
  for (const auto& timeframe : data.timeframes) {
    const int64_t rows = timeframe.window + timeframe.features.warmup_bars;
    if (rows * timeframe.minutes <= longest_minutes) continue;
    longest_minutes = rows * timeframe.minutes;
    longest = text(timeframe.name, "'s window of ", timeframe.window, " and ", timeframe.features.warmup_bars,
                   " bars of warm-up take ", longest_minutes, " minutes");
  }
  throw Error({.what = "too few bars: no sample for every split",
               .expected = text("well over ", longest_minutes + config.horizon_bars, " minutes of trading (",
                                longest, ")"),
               .got = text(bars.size(), " bars of ", data.base_seconds, " s, ", data.samples(), " samples"),
               .hint = "shorten prepare.windows, or give more bars"});
}

bool has_all_splits(const PreparedBars& data, const PrepareConfig& config) {
  const double test_fraction = 1 - config.train_fraction - config.val_fraction;
  return data.splits[0].size() > 0 && (data.splits[1].size() > 0 || config.val_fraction == 0) &&
         (data.splits[2].size() > 0 || test_fraction < 1e-9);
}

// Everything but labels and scalers; may lack samples.
PreparedBars make_samples(const Bars& bars, const PrepareConfig& config) {
  config.check();
  PreparedBars out;
  out.base_seconds = bar_seconds(bars);
  out.feature_names = config.features;
  out.rule = label_rule(bars, config);
  for (const auto& [name, window] : config.windows) {
    out.timeframes.push_back(make_timeframe(bars, out.base_seconds, name, window, config));
  }
  take_samples(bars, config, out);
  out.splits = split_samples(out, config);
  return out;
}

PreparedBars with_labels(const Bars& bars, PreparedBars data) {
  data.labels = make_labels(bars, data.bar, data.rule);
  for (auto& timeframe : data.timeframes) fit_scaler(timeframe, data.splits[0]);
  return data;
}

}  // namespace

void PrepareConfig::list_fields(Fields& fields) {
  fields.field("windows", windows, "bars a sample sees, by timeframe (M1, M5, H1, H4, D1, …)", kPositive);
  fields.field("features", features, "features of each bar, in this order", one_of(feature_names()));
  fields.field("horizon_bars", horizon_bars, "base bars ahead that labels look", kPositive);
  fields.field("scalp_bars", scalp_bars, "base bars ahead of magnitude_scalp; at most horizon_bars",
               kPositive);
  fields.field("pip", pip, "price units a pip; 0: 0.0001, or 0.01 where prices are 20 and more",
               kNonNegative);
  fields.field("threshold_pips", threshold_pips, "a move up to this many pips is neutral", kNonNegative);
  fields.field("threshold_atr", threshold_atr, "the neutral band grows to this many ATR14", kNonNegative);
  fields.field("max_gap_minutes", max_gap_minutes,
               "samples whose labels cross a longer pause in the bars are dropped; 0: kept", kNonNegative);
  fields.field("stride_bars", stride_bars, "base bars from one sample to the next", kPositive);
  fields.field("train_fraction", train_fraction, "part of the samples, from the start, that trains",
               kFraction);
  fields.field("val_fraction", val_fraction, "part after it that validates; the rest tests", kFraction);
  fields.field(
      "embargo_minutes", embargo_minutes,
      "minutes between the last label of a split and the next split's first sample, beyond no overlap",
      kNonNegative);
  fields.field("layout", layout, "bars: windows are cut on the fly; windows: stored; features: one timeframe",
               one_of({"bars", "windows", "features"}));
  fields.field("features_timeframe", features_timeframe, "the timeframe of layout 'features'");
  fields.field("gzip_level", gzip_level, "compression of stored windows, 0 (none) to 9", between(0, 9));
  fields.field("chunk_rows", chunk_rows, "samples a chunk of stored windows; 0: contiguous, or 64 with gzip",
               kNonNegative);
}

void PrepareConfig::check() const {
  if (windows.empty()) throw usage_error({.where = "prepare.windows", .what = "no timeframe given"});
  std::vector<std::string> names;
  for (const auto& [name, window] : windows) {
    names.push_back(name);
    if (!find_timeframe_minutes(name)) {
      throw usage_error({.where = "prepare.windows",
                         .what = text("unknown timeframe '", name, "'"),
                         .expected = "M, H or D and a number, e.g. M1, M15, H4, D1"});
    }
    if (window <= 0) {
      throw usage_error({.where = "prepare.windows." + name,
                         .what = "not a window",
                         .expected = "> 0",
                         .got = text(window)});
    }
  }
  if (features.empty()) throw usage_error({.where = "prepare.features", .what = "no feature given"});
  if (scalp_bars > horizon_bars) {
    throw usage_error({.where = "prepare.scalp_bars",
                       .what = "longer than horizon_bars",
                       .expected = text("at most ", horizon_bars),
                       .got = text(scalp_bars)});
  }
  if (train_fraction + val_fraction > 1 + 1e-9) {
    throw usage_error({.where = "prepare.val_fraction",
                       .what = "train_fraction + val_fraction is more than 1",
                       .got = text(train_fraction + val_fraction)});
  }
  if (layout == "features" && std::find(names.begin(), names.end(), features_timeframe) == names.end()) {
    throw usage_error({.where = "prepare.features_timeframe",
                       .what = text("no window for '", features_timeframe, "'"),
                       .hint = suggestion(features_timeframe, names)});
  }
}

double usual_pip(const Bars& bars) {
  std::vector<double> closes = bars.close;
  const auto middle = closes.begin() + static_cast<int64_t>(closes.size()) / 2;
  std::nth_element(closes.begin(), middle, closes.end());
  return *middle >= kYenLikePrice ? 0.01 : 0.0001;
}

PreparedBars prepare_bars(const Bars& bars, const PrepareConfig& config) {
  PreparedBars samples = make_samples(bars, config);
  if (!has_all_splits(samples, config)) fail_too_few(bars, samples, config);
  return with_labels(bars, std::move(samples));
}

std::optional<PreparedBars> find_prepared_bars(const Bars& bars, const PrepareConfig& config) {
  PreparedBars samples = make_samples(bars, config);
  if (!has_all_splits(samples, config)) return std::nullopt;
  return with_labels(bars, std::move(samples));
}

}  // namespace athanor
