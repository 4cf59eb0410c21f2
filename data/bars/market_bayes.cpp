#include "data/bars/market_bayes.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>

namespace athanor {
namespace {

constexpr int64_t kBarSeconds = 60;

// P(a < Z <= b), kept precise in both tails.
double normal_mass(double a, double b) {
  if (a + b < 0) return normal_mass(-b, -a);
  return 0.5 * (std::erfc(a / std::numbers::sqrt2) - std::erfc(b / std::numbers::sqrt2));
}

// P(change of one minute = k): a normal variable rounded to points and held within the reach.
std::vector<double> minute_distribution(const MarketRules& rules, int regime) {
  const int64_t reach = market_reach(rules);
  const double drift = market_drift(rules, regime), infinity = std::numeric_limits<double>::infinity();
  std::vector<double> out;
  for (int64_t k = -reach; k <= reach; ++k) {
    const double lower =
        k == -reach ? -infinity : (static_cast<double>(k) - 0.5 - drift) / rules.sigma_points;
    const double upper = k == reach ? infinity : (static_cast<double>(k) + 0.5 - drift) / rules.sigma_points;
    out.push_back(normal_mass(lower, upper));
  }
  return out;
}

std::vector<double> convolve(const std::vector<double>& a, const std::vector<double>& b) {
  std::vector<double> out(a.size() + b.size() - 1, 0.0);
  for (size_t i = 0; i < a.size(); ++i) {
    for (size_t j = 0; j < b.size(); ++j) out[i + j] += a[i] * b[j];
  }
  return out;
}

RegimeVector next_regime(const RegimeVector& now, const std::array<RegimeVector, kRegimes>& transitions) {
  RegimeVector next{};
  for (int from = 0; from < kRegimes; ++from) {
    for (int to = 0; to < kRegimes; ++to) next[to] += now[from] * transitions[from][to];
  }
  return next;
}

int64_t most_frequent(const std::vector<int64_t>& classes, SplitRange range) {
  std::array<int64_t, 3> counts{};
  for (int64_t i = range.begin; i < range.end; ++i) ++counts[classes[i]];
  return std::max_element(counts.begin(), counts.end()) - counts.begin();
}

}  // namespace

MarketBayes::MarketBayes(const MarketRules& rules, int64_t horizon_bars)
    : rules_(rules), max_change_(horizon_bars * market_reach(rules)) {
  for (int regime = 0; regime < kRegimes; ++regime) minute_[regime] = minute_distribution(rules, regime);
  const auto transitions = market_transitions(rules);
  changes_.fill({1.0});
  for (int64_t step = 0; step < horizon_bars; ++step) {
    std::array<std::vector<double>, kRegimes> one_minute_more;  // given the regime of that next minute
    for (int to = 0; to < kRegimes; ++to) one_minute_more[to] = convolve(changes_[to], minute_[to]);
    for (int from = 0; from < kRegimes; ++from) {
      changes_[from].assign(one_minute_more[0].size(), 0.0);
      for (int to = 0; to < kRegimes; ++to) {
        for (size_t k = 0; k < changes_[from].size(); ++k) {
          changes_[from][k] += transitions[from][to] * one_minute_more[to][k];
        }
      }
    }
  }
  for (int k = 0; k < kRegimes; ++k) {
    cumulative_[k].resize(changes_[k].size());
    std::partial_sum(changes_[k].begin(), changes_[k].end(), cumulative_[k].begin());
  }
}

std::vector<RegimeVector> MarketBayes::filter(const Bars& bars) const {
  const auto transitions = market_transitions(rules_);
  const int64_t reach = market_reach(rules_);
  std::vector<RegimeVector> out;
  out.reserve(bars.size());
  for (int64_t i = 0; i < bars.size(); ++i) {
    const bool week_begins = i == 0 || bars.time[i] - bars.time[i - 1] > kBarSeconds;
    RegimeVector now = week_begins ? market_stationary(rules_) : next_regime(out.back(), transitions);
    const int64_t change =
        std::llround(bars.close[i] / kMarketPoint) - std::llround(bars.open[i] / kMarketPoint);
    double sum = 0;
    for (int regime = 0; regime < kRegimes; ++regime) {
      now[regime] *= minute_[regime][std::clamp(change + reach, int64_t{0}, 2 * reach)];
      sum += now[regime];
    }
    for (double& probability : now) probability /= sum;
    out.push_back(now);
  }
  return out;
}

ClassVector MarketBayes::classes(const RegimeVector& regime, double threshold_pips, double pip) const {
  const double pips_per_point = kMarketPoint / pip;
  int64_t least_up = std::max<int64_t>(0, static_cast<int64_t>(threshold_pips / pips_per_point) - 1);
  while (direction_of(static_cast<double>(least_up) * pips_per_point, threshold_pips) != kUp) ++least_up;
  ClassVector out{};
  if (least_up <= max_change_) {
    for (int k = 0; k < kRegimes; ++k) {
      out[kDown] += regime[k] * cumulative_[k][max_change_ - least_up];
      out[kUp] += regime[k] * (1 - cumulative_[k][max_change_ + least_up - 1]);
    }
  }
  out[kNeutral] = 1 - out[kDown] - out[kUp];
  return out;
}

Attainable attainable_accuracy(const Bars& bars, const PreparedBars& data, const MarketRules& rules) {
  const MarketBayes bayes(rules, data.rule.horizon_bars);
  const std::vector<RegimeVector> regimes = bayes.filter(bars);
  std::vector<double> confidence;
  std::vector<int64_t> predicted;
  for (int64_t n = 0; n < data.samples(); ++n) {
    const ClassVector classes =
        bayes.classes(regimes[data.bar[n]], data.labels.threshold_pips[n], data.rule.pip);
    const auto best = std::max_element(classes.begin(), classes.end());
    confidence.push_back(*best);
    predicted.push_back(best - classes.begin());
  }
  const std::vector<int64_t>& truth = data.labels.direction;
  const int64_t majority = most_frequent(truth, data.splits[0]);
  const auto accuracy_on = [&](SplitRange range) {
    AttainableAccuracy out{.samples = range.size()};
    const double part = 1.0 / static_cast<double>(std::max<int64_t>(1, range.size()));
    for (int64_t n = range.begin; n < range.end; ++n) {
      out.expected += part * confidence[n];
      out.realized += part * (predicted[n] == truth[n]);
      out.majority += part * (majority == truth[n]);
      out.persistence += part * (data.labels.past_direction[n] == truth[n]);
    }
    return out;
  };
  Attainable out{.all = accuracy_on({0, data.samples()}), .test = accuracy_on(data.splits[2])};
  for (const int64_t label : truth) out.class_shares[label] += 1.0 / static_cast<double>(data.samples());
  return out;
}

}  // namespace athanor
