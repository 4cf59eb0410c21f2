// The best that anyone can predict of a made market: the exact Bayes predictor that knows its rules. A
// forward filter over the closes gives the regime's probabilities; dynamic programming over regimes and
// points gives the exact distribution of the change over the horizon from each regime; a sample's classes
// follow from its own threshold. Model-free checks (calibration) are in the tests.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "data/bars/market.h"
#include "data/bars/prepare.h"

namespace athanor {

using ClassVector = std::array<double, 3>;  // down, neutral, up

class MarketBayes {
 public:
  MarketBayes(const MarketRules& rules, int64_t horizon_bars);

  // P(regime of bar i | closes up to i), for each bar; starts afresh each week, as the market does.
  std::vector<RegimeVector> filter(const Bars& bars) const;
  // P(change over the horizon = index - max_change() points | regime now).
  const std::vector<double>& change_distribution(int regime) const { return changes_[regime]; }
  int64_t max_change() const { return max_change_; }
  // P(class | regime's probabilities) of a sample whose threshold is `threshold_pips`.
  ClassVector classes(const RegimeVector& regime, double threshold_pips, double pip) const;

 private:
  MarketRules rules_;
  std::array<std::vector<double>, kRegimes> minute_;      // P(change of one minute = index - reach)
  std::array<std::vector<double>, kRegimes> changes_;     // P(change over the horizon = index - max_change)
  std::array<std::vector<double>, kRegimes> cumulative_;  // P(change <= index - max_change)
  int64_t max_change_;
};

// Accuracy of the direction label on some samples.
struct AttainableAccuracy {
  int64_t samples = 0;
  double expected = 0;     // of the Bayes predictor, by its own probabilities
  double realized = 0;     // of the Bayes predictor, on the labels
  double majority = 0;     // of always naming the training part's most frequent class
  double persistence = 0;  // of naming the past's direction
};

struct Attainable {
  AttainableAccuracy all;
  AttainableAccuracy test;  // the test split
  std::array<double, 3> class_shares{};
};

// `data` must be prepared from `bars` of a market with these rules.
Attainable attainable_accuracy(const Bars& bars, const PreparedBars& data, const MarketRules& rules);

}  // namespace athanor
