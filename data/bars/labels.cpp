#include "data/bars/labels.h"

#include <algorithm>
#include <cmath>

#include "data/bars/features.h"

namespace athanor {
namespace {

constexpr double kTiePips = 1e-6;

double sum_of_moves(const Bars& bars, int64_t from, int64_t to) {
  double sum = 0;
  for (int64_t j = from + 1; j <= to; ++j) sum += std::abs(bars.close[j] - bars.close[j - 1]);
  return sum;
}

}  // namespace

int64_t direction_of(double delta_pips, double threshold_pips) {
  if (delta_pips > threshold_pips + kTiePips) return kUp;
  if (delta_pips < -threshold_pips - kTiePips) return kDown;
  return kNeutral;
}

Labels make_labels(const Bars& bars, std::span<const int64_t> at, const LabelRule& rule) {
  const std::vector<double> atr = average_true_range(bars, kAtrPeriod);
  const auto pips = [&](int64_t from, int64_t to) { return (bars.close[to] - bars.close[from]) / rule.pip; };
  Labels labels;
  for (const int64_t i : at) {
    const int64_t end = i + rule.horizon_bars;
    const double delta = pips(i, end), past = pips(i - rule.horizon_bars, i);
    const double threshold = std::max(rule.threshold_pips, rule.threshold_atr * atr[i] / rule.pip);
    const double moves = sum_of_moves(bars, i, end) / rule.pip;
    labels.direction.push_back(direction_of(delta, threshold));
    labels.magnitude.push_back(static_cast<float>(std::abs(delta)));
    labels.magnitude_scalp.push_back(static_cast<float>(std::abs(pips(i, i + rule.scalp_bars))));
    labels.magnitude_swing.push_back(static_cast<float>(std::abs(delta)));
    labels.trend.push_back(moves > 0 ? static_cast<float>(std::clamp(delta / moves, -1.0, 1.0)) : 0.0F);
    labels.past_direction.push_back(direction_of(past, threshold));
    labels.past_magnitude.push_back(static_cast<float>(std::abs(past)));
    labels.threshold_pips.push_back(threshold);
  }
  return labels;
}

std::vector<float> future_paths(const Bars& bars, std::span<const int64_t> at, const LabelRule& rule) {
  std::vector<float> paths;
  paths.reserve(at.size() * rule.horizon_bars);
  for (const int64_t i : at) {
    for (int64_t step = 1; step <= rule.horizon_bars; ++step) {
      paths.push_back(static_cast<float>((bars.close[i + step] - bars.close[i]) / rule.pip));
    }
  }
  return paths;
}

}  // namespace athanor
