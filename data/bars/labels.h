// Labels of bars, `horizon` base bars ahead, and the same of the past as a baseline that persists.
// After the source project: delta = (close[t+horizon] - close[t]) / pip, threshold = max(floor, factor *
// ATR14).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "data/bars/bars.h"

namespace athanor {

constexpr int64_t kDown = 0, kNeutral = 1, kUp = 2;
constexpr int64_t kAtrPeriod = 14;

struct LabelRule {
  int64_t horizon_bars = 36;
  int64_t scalp_bars = 12;
  double pip = 0.0001;          // price units
  double threshold_pips = 1.2;  // a move of no more than the threshold is neutral
  double threshold_atr = 0.3;   // the threshold grows to this many ATR14
};

struct Labels {
  std::vector<int64_t> direction;      // 0 down, 1 neutral, 2 up
  std::vector<float> magnitude;        // |delta|, pips
  std::vector<float> magnitude_scalp;  // |delta| over scalp_bars
  std::vector<float> magnitude_swing;  // |delta| over horizon_bars
  std::vector<float> trend;  // delta / sum of |one-bar moves| over the horizon, in [-1,1]; 0 where none moved
  std::vector<int64_t> past_direction;  // direction of the last horizon_bars, by the same threshold
  std::vector<float> past_magnitude;
  std::vector<double> threshold_pips;  // of each sample; not written to files
};

// 2 above the threshold, 0 below its negative, else 1. A move that equals the threshold is neutral, whatever
// the decimals of prices do in binary (tolerance 1e-6 pips).
int64_t direction_of(double delta_pips, double threshold_pips);

// Labels of the samples that end at base bars `at`: needs horizon_bars before and after each.
Labels make_labels(const Bars& bars, std::span<const int64_t> at, const LabelRule& rule);

// The moves after each of the next horizon_bars, in pips: [N,horizon], row-major.
std::vector<float> future_paths(const Bars& bars, std::span<const int64_t> at, const LabelRule& rule);

}  // namespace athanor
