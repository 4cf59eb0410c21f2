#include "data/bars/market.h"

#include <catch2/catch.hpp>

#include "data/bars/market_bayes.h"
#include "tests/data/bars/bars_fixtures.h"

using namespace athanor;

CATCH_TEST_CASE("market: the seed alone decides the bars", "[unit]") {
  CATCH_CHECK(same_bars(make_market(3000, 5).bars, make_market(3000, 5).bars));
  CATCH_CHECK_FALSE(same_bars(make_market(3000, 5).bars, make_market(3000, 6).bars));
}

CATCH_TEST_CASE("market: bars are valid, weeks have weekends, and CSV keeps every bit", "[unit]") {
  const TemporaryFolder folder;
  const Bars bars = make_market(20'000, 7).bars;
  write_bars_csv(bars, folder.file("M1.csv"), kMarketDigits);
  CATCH_CHECK(same_bars(load_bars(folder.file("M1.csv")), bars));
  const GapCount gaps = count_gaps(bars, 60, 60);
  CATCH_CHECK(gaps.long_gaps == 2);
  CATCH_CHECK(gaps.longest_minutes == 48 * 60);
  for (int64_t i = 0; i < bars.size(); ++i) {
    CATCH_REQUIRE(bars.high[i] >= std::max(bars.open[i], bars.close[i]));
    CATCH_REQUIRE(bars.low[i] <= std::min(bars.open[i], bars.close[i]));
  }
}

CATCH_TEST_CASE("market: regimes last and share the time as the rules say", "[unit]") {
  const MarketRules rules;
  const Market market = make_market(2'000'000, 8, rules);
  RegimeVector shares{};
  int64_t runs = 0, trend_minutes = 0;
  for (size_t i = 0; i < market.regime.size(); ++i) {
    shares[market.regime[i]] += 1.0 / 2'000'000;
    const bool starts = i == 0 || market.regime[i] != market.regime[i - 1];
    if (market.regime[i] == 1) continue;
    ++trend_minutes;
    runs += starts;
  }
  const RegimeVector expected = market_stationary(rules);
  for (int k = 0; k < kRegimes; ++k) CATCH_CHECK(shares[k] == Approx(expected[k]).margin(0.03));
  CATCH_CHECK(static_cast<double>(trend_minutes) / runs == Approx(rules.trend_minutes).epsilon(0.08));
}

CATCH_TEST_CASE("market: the horizon's distribution is a distribution with the mean that the chain has",
                "[unit]") {
  const MarketRules rules;
  const MarketBayes bayes(rules, 36);
  const auto transitions = market_transitions(rules);
  for (int start = 0; start < kRegimes; ++start) {
    RegimeVector now{};
    now[start] = 1;
    double mean = 0;
    for (int step = 0; step < 36; ++step) {
      RegimeVector next{};
      for (int a = 0; a < kRegimes; ++a) {
        for (int b = 0; b < kRegimes; ++b) next[b] += now[a] * transitions[a][b];
      }
      now = next;
      for (int k = 0; k < kRegimes; ++k) mean += now[k] * market_drift(rules, k);
    }
    double total = 0, got = 0;
    for (int64_t change = -bayes.max_change(); change <= bayes.max_change(); ++change) {
      const double probability = bayes.change_distribution(start)[change + bayes.max_change()];
      total += probability;
      got += probability * static_cast<double>(change);
    }
    CATCH_CHECK(total == Approx(1).epsilon(1e-12));
    CATCH_CHECK(got == Approx(mean).margin(1e-9));
  }
}

CATCH_TEST_CASE("market: class probabilities add up the distribution beyond the threshold", "[unit]") {
  const MarketBayes bayes({}, 36);
  const RegimeVector regime = {0.2, 0.3, 0.5};
  for (const double threshold : {0.0, 0.05, 1.2, 2.34, 17.0, 1e6}) {
    ClassVector expected{};
    for (int64_t change = -bayes.max_change(); change <= bayes.max_change(); ++change) {
      for (int k = 0; k < kRegimes; ++k) {
        expected[direction_of(static_cast<double>(change) / 10, threshold)] +=
            regime[k] * bayes.change_distribution(k)[change + bayes.max_change()];
      }
    }
    const ClassVector got = bayes.classes(regime, threshold, 0.0001);
    for (int c = 0; c < 3; ++c) CATCH_CHECK(got[c] == Approx(expected[c]).margin(1e-9));
  }
}

CATCH_TEST_CASE("market: the filter is calibrated, and knowing other rules would not be", "[unit]") {
  const Market market = make_market(400'000, 9);
  // Of the bars that the filter gives probability p of the up regime, a share p is in it.
  const auto worst_bin = [&](const MarketRules& believed) {
    const auto regimes = MarketBayes(believed, 1).filter(market.bars);
    std::array<double, 10> counts{}, sums{}, hits{};
    for (size_t i = 0; i < regimes.size(); ++i) {
      const int bin = std::min(9, static_cast<int>(regimes[i][2] * 10));
      counts[bin] += 1;
      sums[bin] += regimes[i][2];
      hits[bin] += market.regime[i] == 2;
    }
    double worst = 0;
    for (int bin = 0; bin < 10; ++bin) worst = std::max(worst, std::abs(sums[bin] - hits[bin]) / counts[bin]);
    return worst;
  };
  CATCH_CHECK(worst_bin({}) < 0.04);
  CATCH_CHECK(worst_bin({.drift_points = 4}) > 0.1);
}

CATCH_TEST_CASE("market: the accuracy that the Bayes predictor expects is the one it gets", "[unit]") {
  PrepareConfig config;
  config.windows = {{"M1", 60}};
  config.features = {"return"};
  double expected = 0, realized = 0, persistence = 0, majority = 0;
  constexpr int kSeeds = 4;
  for (int seed = 1; seed <= kSeeds; ++seed) {
    const Bars bars = make_market(200'000, seed).bars;
    const Attainable attainable = attainable_accuracy(bars, prepare_bars(bars, config), {});
    expected += attainable.all.expected / kSeeds;
    realized += attainable.all.realized / kSeeds;
    persistence += attainable.all.persistence / kSeeds;
    majority += attainable.all.majority / kSeeds;
  }
  CATCH_CHECK(realized == Approx(expected).margin(0.01));
  CATCH_CHECK(expected > 0.68);
  CATCH_CHECK(expected < 0.80);
  CATCH_CHECK(expected - persistence > 0.05);
  CATCH_CHECK(expected - majority > 0.2);
}
