// Features of bars by name: each one causal (row i depends on bars up to i), computed in double, kept as
// float. The table below says what each is; a new feature is one entry in features.cpp.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "data/bars/bars.h"

namespace athanor {

struct FeatureInfo {
  std::string name;
  std::string formula;
  int64_t warmup_bars = 0;  // rows before this one are defined, but lean on too few bars
};

// Every known feature, in the order in which they are documented.
const std::vector<FeatureInfo>& feature_table();
std::vector<std::string> feature_names();

struct FeatureMatrix {
  int64_t rows = 0;
  int64_t columns = 0;
  int64_t warmup_bars = 0;    // the longest of the chosen features
  std::vector<float> values;  // [rows,columns]
  const float* row(int64_t i) const { return values.data() + i * columns; }
};

// bars of `step_seconds` each, F names -> [n,F]. Throws usage Error for an unknown name.
FeatureMatrix compute_features(const Bars& bars, int64_t step_seconds, const std::vector<std::string>& names);

// Wilder's average true range over `period` bars, in price units, [n]. The first is high-low; up to `period`
// bars the mean of what there is, from then on (period-1)/period of the old and 1/period of the new true
// range.
std::vector<double> average_true_range(const Bars& bars, int64_t period);

}  // namespace athanor
