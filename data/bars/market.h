// A market that the program makes: minutes of price changes whose drift follows a hidden Markov chain of
// three regimes (down, range, up), with the same volatility in all of them, so that closes say all there is
// to know about the regime (Hamilton 1989's switching model, on a grid of points of 0.00001). High and low
// come from a Brownian bridge between open and close. Trading weeks run from Sunday to Friday 22:00 UTC. No
// claim about real markets.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "data/bars/bars.h"

namespace athanor {

constexpr double kMarketPoint = 1e-5;  // price units
constexpr int kMarketDigits = 5;
constexpr int kRegimes = 3;  // down, range, up

struct MarketRules {
  double drift_points = 1.5;   // a minute, in the trends
  double sigma_points = 7.5;   // a minute, in every regime
  double trend_minutes = 480;  // how long a trend lasts on average; then range or the other trend, evenly
  double range_minutes = 60;   // then either trend, evenly
};

using RegimeVector = std::array<double, kRegimes>;

double market_drift(const MarketRules& rules, int regime);
// [from][to], a minute.
std::array<RegimeVector, kRegimes> market_transitions(const MarketRules& rules);
// The shares of the regimes over a long time; each week starts from a draw of them.
RegimeVector market_stationary(const MarketRules& rules);
// Changes of one minute lie in [-market_reach, market_reach] points.
int64_t market_reach(const MarketRules& rules);

struct Market {
  Bars bars;
  std::vector<int> regime;  // of each bar
};

// `minutes` bars that depend on the seed alone.
Market make_market(int64_t minutes, uint64_t seed, const MarketRules& rules = {});

}  // namespace athanor
