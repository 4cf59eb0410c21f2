#include "data/bars/labels.h"

#include <catch2/catch.hpp>

#include "data/bars/features.h"
#include "tests/data/bars/bars_fixtures.h"

using namespace athanor;

CATCH_TEST_CASE("labels: a move of exactly the threshold is neutral, whatever decimals do in binary",
                "[unit]") {
  for (int64_t points = 100'000; points < 140'000; points += 37) {
    const double from = points / 1e5, to = (points + 12) / 1e5, beyond = (points + 13) / 1e5;
    CATCH_REQUIRE(direction_of((to - from) / 0.0001, 1.2) == kNeutral);
    CATCH_REQUIRE(direction_of((from - to) / 0.0001, 1.2) == kNeutral);
    CATCH_REQUIRE(direction_of((beyond - from) / 0.0001, 1.2) == kUp);
    CATCH_REQUIRE(direction_of((from - beyond) / 0.0001, 1.2) == kDown);
  }
}

CATCH_TEST_CASE("labels: each equals its definition", "[unit]") {
  const Bars bars = random_bars(600, 31);
  const LabelRule rule{
      .horizon_bars = 20, .scalp_bars = 7, .pip = 0.0001, .threshold_pips = 2.5, .threshold_atr = 2};
  std::vector<int64_t> at;
  for (int64_t i = 20; i + 20 < bars.size(); i += 3) at.push_back(i);
  const Labels labels = make_labels(bars, at, rule);
  const std::vector<float> paths = future_paths(bars, at, rule);
  const std::vector<double> atr = average_true_range(bars, 14);
  std::array<int64_t, 3> counts{};
  int64_t grown = 0;
  for (size_t n = 0; n < at.size(); ++n) {
    const int64_t i = at[n];
    const double delta = (bars.close[i + 20] - bars.close[i]) * 1e4,
                 past = (bars.close[i] - bars.close[i - 20]) * 1e4;
    const double threshold = std::max(2.5, 2 * atr[i] * 1e4);
    grown += threshold > 2.5;
    double moves = 0;
    for (int64_t k = i + 1; k <= i + 20; ++k) moves += std::abs(bars.close[k] - bars.close[k - 1]) * 1e4;
    CATCH_REQUIRE(labels.direction[n] == (delta > threshold ? 2 : delta < -threshold ? 0 : 1));
    CATCH_REQUIRE(labels.past_direction[n] == (past > threshold ? 2 : past < -threshold ? 0 : 1));
    CATCH_REQUIRE(labels.magnitude[n] == Approx(std::abs(delta)).margin(1e-4));
    CATCH_REQUIRE(labels.magnitude_swing[n] == labels.magnitude[n]);
    CATCH_REQUIRE(labels.past_magnitude[n] == Approx(std::abs(past)).margin(1e-4));
    CATCH_REQUIRE(labels.magnitude_scalp[n] ==
                  Approx(std::abs(bars.close[i + 7] - bars.close[i]) * 1e4).margin(1e-4));
    CATCH_REQUIRE(labels.trend[n] == Approx(delta / moves).margin(1e-6));
    CATCH_REQUIRE(paths[n * 20 + 19] == Approx(delta).margin(1e-4));
    CATCH_REQUIRE(paths[n * 20] == Approx((bars.close[i + 1] - bars.close[i]) * 1e4).margin(1e-4));
    ++counts[labels.direction[n]];
  }
  for (const int64_t count : counts) CATCH_CHECK(count > 10);
  CATCH_CHECK(grown > 10);
}

CATCH_TEST_CASE("labels: trend is 1 for a straight rise, -1 for a straight fall, 0 where nothing moves",
                "[unit]") {
  Bars bars;
  for (int64_t i = 0; i < 61; ++i) {
    const double price = 1 + 0.0001 * static_cast<double>(i < 20 ? i : i < 40 ? 20 : 60 - i);
    bars.push(i * 60, price, price, price, price, 1);
  }
  const std::vector<int64_t> at = {5, 22, 42};
  const Labels labels = make_labels(bars, at, {.horizon_bars = 5, .scalp_bars = 2});
  CATCH_CHECK(labels.trend[0] == Approx(1));
  CATCH_CHECK(labels.trend[1] == 0);
  CATCH_CHECK(labels.trend[2] == Approx(-1));
}
