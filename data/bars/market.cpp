#include "data/bars/market.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "src/core/random.h"

namespace athanor {
namespace {

constexpr int64_t kFirstMinute = 1672610400;  // Sunday 2023-01-01 22:00 UTC
constexpr int64_t kMinutesPerWeek = 5 * 24 * 60;
constexpr int64_t kWeekSeconds = 7 * 24 * 3600;
constexpr int64_t kStartPoints = 110'000;
constexpr double kReachSigmas = 8;
constexpr int kBridgeSteps = 12;
constexpr double kWeekendSigmaPoints = 30;
// Beyond this distance from the start a weekend takes back part of the excess, so that prices never go
// astray.
constexpr int64_t kFarPoints = 15'000;
constexpr double kWeekendPull = 0.25;
constexpr double kTypicalVolume = 40;

int draw(const RegimeVector& probabilities, Rng& rng) {
  double rest = rng.uniform();
  for (int regime = 0; regime < kRegimes - 1; ++regime) {
    rest -= probabilities[regime];
    if (rest < 0) return regime;
  }
  return kRegimes - 1;
}

struct Extremes {
  double high, low;
};

// High and low of a Brownian bridge from `open` to `close` over one minute: independent of the drift.
Extremes bridge(double open, double close, double sigma, Rng& rng) {
  Extremes out{std::max(open, close), std::min(open, close)};
  double price = open;
  for (int step = 0; step + 1 < kBridgeSteps; ++step) {
    const double left = kBridgeSteps - step;
    const double variance = sigma * sigma / kBridgeSteps * (left - 1) / left;
    price += (close - price) / left + std::sqrt(variance) * rng.normal();
    out.high = std::max(out.high, price);
    out.low = std::min(out.low, price);
  }
  return out;
}

double draw_volume(int64_t time, Rng& rng) {
  const double day = 2 * std::numbers::pi * static_cast<double>(time % 86400) / 86400;
  return std::round(kTypicalVolume * (1 - 0.6 * std::cos(day)) * std::exp(0.4 * rng.normal()));
}

}  // namespace

double market_drift(const MarketRules& rules, int regime) { return (regime - 1) * rules.drift_points; }

std::array<RegimeVector, kRegimes> market_transitions(const MarketRules& rules) {
  const double leave_trend = 1 / rules.trend_minutes, leave_range = 1 / rules.range_minutes;
  return {RegimeVector{1 - leave_trend, leave_trend / 2, leave_trend / 2},
          RegimeVector{leave_range / 2, 1 - leave_range, leave_range / 2},
          RegimeVector{leave_trend / 2, leave_trend / 2, 1 - leave_trend}};
}

RegimeVector market_stationary(const MarketRules& rules) {
  // Balance of the range: range / range_minutes = (up + down) / (2 trend_minutes).
  const double range = rules.range_minutes / (rules.range_minutes + 2 * rules.trend_minutes);
  return {(1 - range) / 2, range, (1 - range) / 2};
}

int64_t market_reach(const MarketRules& rules) {
  return static_cast<int64_t>(std::ceil(rules.drift_points + kReachSigmas * rules.sigma_points));
}

Market make_market(int64_t minutes, uint64_t seed, const MarketRules& rules) {
  Rng rng(mix_seed(seed, 0));
  const auto transitions = market_transitions(rules);
  const int64_t reach = market_reach(rules);
  Market market;
  market.bars.reserve(minutes);
  int64_t close = kStartPoints;
  for (int64_t i = 0; i < minutes; ++i) {
    const int64_t minute = i % kMinutesPerWeek;
    const int64_t time = kFirstMinute + i / kMinutesPerWeek * kWeekSeconds + minute * 60;
    if (minute == 0 && i > 0) {
      const int64_t excess = close - std::clamp(close, kStartPoints - kFarPoints, kStartPoints + kFarPoints);
      close += std::llround(kWeekendSigmaPoints * rng.normal() - kWeekendPull * static_cast<double>(excess));
    }
    const int regime = draw(minute == 0 ? market_stationary(rules) : transitions[market.regime.back()], rng);
    const int64_t open = close;
    const double change = market_drift(rules, regime) + rules.sigma_points * rng.normal();
    close += std::clamp<int64_t>(std::llround(change), -reach, reach);
    const Extremes extremes =
        bridge(static_cast<double>(open), static_cast<double>(close), rules.sigma_points, rng);
    market.regime.push_back(regime);
    // Dividing whole points by 10^5 gives the double nearest to the decimal, as reading it from text does.
    const auto price = [](double points) { return points / 1e5; };
    market.bars.push(time, price(static_cast<double>(open)), price(std::round(extremes.high)),
                     price(std::round(extremes.low)), price(static_cast<double>(close)),
                     draw_volume(time, rng));
  }
  return market;
}

}  // namespace athanor
