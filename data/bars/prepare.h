// From base bars to samples: timeframes resampled and end-aligned, features, labels strictly after each
// sample, splits in time with an embargo, scalers fitted on the training part. Differs from the source
// project where that leaked: there windows were start-aligned and labels lay inside them.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "data/bars/bars.h"
#include "data/bars/features.h"
#include "data/bars/labels.h"
#include "src/core/fields.h"

namespace athanor {

// Section `prepare` of a job file.
struct PrepareConfig {
  IntMap windows = {{"M1", 480}, {"M5", 288}, {"M15", 192}, {"H1", 96}, {"H4", 48}};
  std::vector<std::string> features = {"return",   "log_range",    "body",        "upper_wick", "lower_wick",
                                       "volume",   "volume_ratio", "rsi14",       "atr14",      "ema12",
                                       "ema26",    "macd",         "bollinger20", "day_sin",    "day_cos",
                                       "week_sin", "week_cos",     "gap"};
  int64_t horizon_bars = 36;
  int64_t scalp_bars = 12;
  double pip = 0;
  double threshold_pips = 1.2;
  double threshold_atr = 0.3;
  int64_t max_gap_minutes = 60;
  int64_t stride_bars = 5;
  double train_fraction = 0.70;
  double val_fraction = 0.15;
  int64_t embargo_minutes = 0;
  std::string layout = "bars";
  std::string features_timeframe = "M1";
  int64_t gzip_level = 0;
  int64_t chunk_rows = 0;
  void list_fields(Fields& fields);
  // What one field alone cannot show. Throws usage Error.
  void check() const;
};

struct TimeframeData {
  std::string name;
  int64_t minutes = 0;
  int64_t window = 0;               // bars a sample sees
  std::vector<int64_t> close_time;  // [n] s UTC, of each bar
  FeatureMatrix features;           // [n,F], not scaled
  std::vector<int64_t> end;         // [N] a sample's window is rows [end-window, end)
  std::vector<float> mean, scale;   // [F] of the training part; scale 1 for constant features
};

struct SplitRange {
  int64_t begin = 0, end = 0;  // samples
  int64_t size() const { return end - begin; }
};
constexpr const char* kSplitNames[] = {"train", "val", "test"};

struct PreparedBars {
  std::vector<TimeframeData> timeframes;
  std::vector<int64_t> bar;   // [N] base bar at whose close the sample is taken
  std::vector<int64_t> time;  // [N] close time of that bar, s UTC: what is known at this time is the input
  std::vector<int64_t> label_end;  // [N] close time of the last bar that the labels see
  Labels labels;
  std::array<SplitRange, 3> splits;  // train, val, test
  std::vector<std::string> feature_names;
  LabelRule rule;
  int64_t base_seconds = 0;

  int64_t samples() const { return static_cast<int64_t>(time.size()); }
};

// Throws Error where the bars give no sample for some split (too few bars for the windows).
PreparedBars prepare_bars(const Bars& bars, const PrepareConfig& config);
// nullopt there.
std::optional<PreparedBars> find_prepared_bars(const Bars& bars, const PrepareConfig& config);

// 0.01 where the median close is 20 or more (yen pairs, metals), else 0.0001.
double usual_pip(const Bars& bars);

}  // namespace athanor
