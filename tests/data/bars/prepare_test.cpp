#include "data/bars/prepare.h"

#include <catch2/catch.hpp>
#include <cstring>

#include "data/bars/timeframe.h"
#include "tests/data/bars/bars_fixtures.h"

using namespace athanor;

namespace {

constexpr int64_t kBars = 9000;

// Whether every window that samples up to base bar `last` see is the same, bit for bit, in both. As the
// windows of a timeframe are rows [end-window, end) of one matrix, it is enough that ends and rows below the
// last end are equal.
bool same_inputs(const PreparedBars& a, const PreparedBars& b, int64_t last) {
  for (size_t k = 0; k < a.timeframes.size(); ++k) {
    const TimeframeData &left = a.timeframes[k], &right = b.timeframes[k];
    for (int64_t n = 0; n < a.samples() && a.bar[n] <= last; ++n) {
      if (n >= b.samples() || a.bar[n] != b.bar[n] || a.time[n] != b.time[n] || left.end[n] != right.end[n])
        return false;
      const size_t floats = left.window * left.features.columns;
      if (std::memcmp(left.features.row(left.end[n] - left.window),
                      right.features.row(left.end[n] - left.window), floats * sizeof(float)) != 0) {
        return false;
      }
    }
  }
  return true;
}

// Whether sample `n` sees the same window of timeframe `k` in both.
bool same_window(const PreparedBars& a, const PreparedBars& b, int64_t n, size_t k) {
  const TimeframeData &left = a.timeframes[k], &right = b.timeframes[k];
  return std::memcmp(left.features.row(left.end[n] - left.window),
                     right.features.row(right.end[n] - right.window),
                     left.window * left.features.columns * sizeof(float)) == 0;
}

}  // namespace

CATCH_TEST_CASE("no leak: changing any bar after t changes no input of any sample at or before t", "[unit]") {
  const Bars bars = random_bars(kBars, 41);
  const PreparedBars before = prepare_bars(bars, small_config());
  CATCH_REQUIRE(before.samples() > 500);
  Rng rng(42);
  for (int trial = 0; trial < 12; ++trial) {
    const int64_t n = static_cast<int64_t>(rng.below(before.samples() - 1));
    const int64_t t = before.bar[n];
    CATCH_INFO("t = bar " << t);
    Bars values = bars;  // other prices and volumes after t
    for (int64_t i = t + 1; i < kBars; ++i) perturb_bar(values, i, 1 + 0.01 * rng.uniform());
    CATCH_REQUIRE(same_inputs(before, prepare_bars(values, small_config()), t));
    Bars one = bars;  // just the next bar
    perturb_bar(one, t + 1, 1.01);
    CATCH_REQUIRE(same_inputs(before, prepare_bars(one, small_config()), t));
    Bars later = bars;  // the next bars come seven minutes later
    for (int64_t i = t + 1; i < kBars; ++i) later.time[i] += 7 * 60;
    CATCH_REQUIRE(same_inputs(before, prepare_bars(later, small_config()), t));
  }
}

CATCH_TEST_CASE("the leak test can fail: the newest closed bar of every timeframe is seen", "[unit]") {
  const Bars bars = random_bars(kBars, 43);
  const PreparedBars before = prepare_bars(bars, small_config());
  Rng rng(44);
  for (int trial = 0; trial < 6; ++trial) {
    const int64_t n = static_cast<int64_t>(rng.below(before.samples()));
    for (size_t k = 0; k < before.timeframes.size(); ++k) {
      const TimeframeData& timeframe = before.timeframes[k];
      CATCH_INFO("sample " << n << ", " << timeframe.name);
      const int64_t closed_at = timeframe.close_time[timeframe.end[n] - 1];
      int64_t newest = before.bar[n];
      while (bars.time[newest] + 60 > closed_at) --newest;
      Bars changed = bars;
      perturb_bar(changed, newest, 1.001);
      CATCH_REQUIRE_FALSE(same_window(before, prepare_bars(changed, small_config()), n, k));
    }
  }
}

CATCH_TEST_CASE("windows are end-aligned: all that has closed by t, and nothing that has not", "[unit]") {
  const Bars bars = random_bars(kBars, 45);
  const PreparedBars data = prepare_bars(bars, small_config());
  for (const auto& timeframe : data.timeframes) {
    CATCH_INFO(timeframe.name);
    for (int64_t n = 0; n < data.samples(); ++n) {
      const int64_t end = timeframe.end[n];
      CATCH_REQUIRE(timeframe.close_time[end - 1] <= data.time[n]);
      const bool last = end == static_cast<int64_t>(timeframe.close_time.size());
      CATCH_REQUIRE((last || timeframe.close_time[end] > data.time[n]));
      CATCH_REQUIRE(end - timeframe.window >= timeframe.features.warmup_bars);
    }
  }
  for (int64_t n = 0; n < data.samples(); ++n) CATCH_REQUIRE(data.time[n] == bars.time[data.bar[n]] + 60);
}

CATCH_TEST_CASE(
    "no label overlaps a window: labels depend on the bars after t alone, but for t's close and scale",
    "[unit]") {
  const Bars bars = random_bars(kBars, 46);
  const PrepareConfig config = small_config();
  const PreparedBars before = prepare_bars(bars, config);
  for (int64_t n = 0; n < before.samples(); ++n) {
    const int64_t last = before.bar[n] + config.horizon_bars;
    CATCH_REQUIRE(before.label_end[n] == bars.time[last] + 60);
    CATCH_REQUIRE(bars.time[before.bar[n] + 1] >=
                  before.time[n]);  // the first bar that labels see opens at t or later
    for (const auto& timeframe : before.timeframes) {
      CATCH_REQUIRE(timeframe.close_time[timeframe.end[n] - 1] <= bars.time[before.bar[n] + 1]);
    }
  }
  const int64_t n = before.samples() / 2, t = before.bar[n];
  const auto labels_of = [&](const Labels& labels) {
    return std::vector<double>{static_cast<double>(labels.direction[n]), labels.magnitude[n],
                               labels.magnitude_scalp[n], labels.trend[n]};
  };
  Bars outside = bars;  // everything but bars t-14..t+horizon, which the labels and their threshold see
  for (int64_t i = 0; i < kBars; ++i) {
    if (i < t - 700 || i > t + config.horizon_bars) perturb_bar(outside, i, 1.002);
  }
  CATCH_CHECK(labels_of(prepare_bars(outside, config).labels) == labels_of(before.labels));
  Bars inside = bars;
  perturb_bar(inside, t + config.horizon_bars, 1.002);
  CATCH_CHECK(labels_of(prepare_bars(inside, config).labels) != labels_of(before.labels));
}

CATCH_TEST_CASE("splits follow each other in time with the horizon and the embargo between them", "[unit]") {
  const Bars bars = random_bars(kBars, 47);
  for (const int64_t embargo : {0, 45, 600}) {
    CATCH_INFO("embargo " << embargo << " minutes");
    PrepareConfig config = small_config();
    config.embargo_minutes = embargo;
    const PreparedBars data = prepare_bars(bars, config);
    CATCH_CHECK(data.splits[0].begin == 0);
    CATCH_CHECK(data.splits[2].end == data.samples());
    for (int k = 0; k < 2; ++k) {
      const SplitRange &part = data.splits[k], &next = data.splits[k + 1];
      CATCH_REQUIRE(part.size() > 0);
      CATCH_REQUIRE(part.end <= next.begin);
      for (int64_t n = part.begin; n < part.end; ++n) {
        CATCH_REQUIRE(data.label_end[n] < data.time[next.begin] - embargo * 60);
      }
      // No more was cut away than had to be.
      CATCH_REQUIRE(
          (part.end == next.begin || data.label_end[part.end] >= data.time[next.begin] - embargo * 60));
    }
    const double count = static_cast<double>(data.samples());
    CATCH_CHECK(data.splits[1].begin / count == Approx(0.70).margin(0.001));
    CATCH_CHECK(data.splits[2].begin / count == Approx(0.85).margin(0.001));
  }
}

CATCH_TEST_CASE("scalers see the training part alone", "[unit]") {
  const Bars bars = random_bars(kBars, 48);
  const PreparedBars before = prepare_bars(bars, small_config());
  const int64_t last = before.bar[before.splits[0].end - 1];
  Bars after = bars;
  for (int64_t i = last + 1; i < kBars; ++i) perturb_bar(after, i, 1.02);
  const PreparedBars unmoved = prepare_bars(after, small_config());
  Bars inside = bars;
  perturb_bar(inside, last - 200, 1.02);
  const PreparedBars moved = prepare_bars(inside, small_config());
  for (size_t k = 0; k < before.timeframes.size(); ++k) {
    CATCH_INFO(before.timeframes[k].name);
    CATCH_CHECK(unmoved.timeframes[k].mean == before.timeframes[k].mean);
    CATCH_CHECK(unmoved.timeframes[k].scale == before.timeframes[k].scale);
    CATCH_CHECK(moved.timeframes[k].mean != before.timeframes[k].mean);
    CATCH_CHECK(moved.timeframes[k].scale != before.timeframes[k].scale);
  }
}

CATCH_TEST_CASE("scalers give the training rows mean 0 and deviation 1, and leave constant features be",
                "[unit]") {
  Bars bars = random_bars(kBars, 49);
  std::fill(bars.volume.begin(), bars.volume.end(), 5.0);
  const PreparedBars data = prepare_bars(bars, small_config());
  for (const auto& timeframe : data.timeframes) {
    const int64_t first = timeframe.end[0] - timeframe.window, last = timeframe.end[data.splits[0].end - 1];
    for (int64_t f = 0; f < timeframe.features.columns; ++f) {
      CATCH_INFO(timeframe.name << " " << data.feature_names[f]);
      double sum = 0, squares = 0;
      for (int64_t i = first; i < last; ++i) {
        const double scaled =
            (static_cast<double>(timeframe.features.row(i)[f]) - timeframe.mean[f]) / timeframe.scale[f];
        sum += scaled;
        squares += scaled * scaled;
      }
      const double count = static_cast<double>(last - first);
      CATCH_CHECK(std::abs(sum / count) < 1e-3);
      const bool volume = timeframe.name == "M1" && data.feature_names[f].starts_with("volume");
      if (volume) CATCH_CHECK(timeframe.scale[f] == 1);
      if (!volume) CATCH_CHECK(squares / count == Approx(1).margin(1e-3));
    }
  }
}

CATCH_TEST_CASE("samples whose labels cross a weekend are dropped, or kept where that is asked", "[unit]") {
  const Bars bars = random_bars(kBars, 50);
  PrepareConfig config = small_config();
  config.stride_bars = 1;
  const auto crossing = [&](const PreparedBars& data) {
    int64_t count = 0;
    for (int64_t n = 0; n < data.samples(); ++n) count += data.label_end[n] - data.time[n] > 40 * 3600;
    return count;
  };
  const PreparedBars dropped = prepare_bars(bars, config);
  CATCH_CHECK(crossing(dropped) == 0);
  config.max_gap_minutes = 0;
  const PreparedBars kept = prepare_bars(bars, config);
  CATCH_CHECK(crossing(kept) == config.horizon_bars);  // one weekend in these bars' usable part
  CATCH_CHECK(kept.samples() == dropped.samples() + config.horizon_bars);
  // The window of the first sample after the weekend reaches back over it: M1 bars are its last 40 all the
  // same.
  bool reaches_back = false;
  const TimeframeData& minutes = dropped.timeframes[0];
  for (int64_t n = 0; n < dropped.samples(); ++n) {
    const int64_t first_close = minutes.close_time[minutes.end[n] - minutes.window];
    reaches_back |= dropped.time[n] - first_close > 48 * 3600;
  }
  CATCH_CHECK(reaches_back);
}

CATCH_TEST_CASE("the stride is the number of base bars between samples", "[unit]") {
  const Bars bars = random_bars(kBars, 51);
  PrepareConfig config = small_config();
  config.stride_bars = 7;
  const PreparedBars data = prepare_bars(bars, config);
  for (int64_t n = 1; n < data.samples(); ++n) CATCH_REQUIRE((data.bar[n] - data.bar[n - 1]) % 7 == 0);
  CATCH_CHECK(data.bar[1] - data.bar[0] == 7);
}

CATCH_TEST_CASE("the pip follows the price unless it is given", "[unit]") {
  Bars bars = random_bars(100, 52);
  CATCH_CHECK(usual_pip(bars) == 0.0001);
  for (auto* column : {&bars.open, &bars.high, &bars.low, &bars.close}) {
    for (double& price : *column) price *= 100;
  }
  CATCH_CHECK(usual_pip(bars) == 0.01);
}

CATCH_TEST_CASE("wrong preparation is refused in one line with a hint", "[unit]") {
  const Bars bars = random_bars(300, 53);
  const auto message = [&](auto change) {
    PrepareConfig config = small_config();
    change(config);
    return error_of([&] { prepare_bars(bars, config); });
  };
  CATCH_CHECK(message([](auto&) {}).find("too few bars") != std::string::npos);
  CATCH_CHECK(message([](auto& c) {
                c.windows = {{"M7x", 5}};
              }).find("unknown timeframe 'M7x'") != std::string::npos);
  CATCH_CHECK(message([](auto& c) {
                c.windows = {{"M5", 0}};
              }).find("prepare.windows.M5") != std::string::npos);
  CATCH_CHECK(message([](auto& c) { c.windows.clear(); }).find("no timeframe") != std::string::npos);
  CATCH_CHECK(message([](auto& c) { c.features.clear(); }).find("no feature") != std::string::npos);
  CATCH_CHECK(message([](auto& c) { c.features = {"retrun"}; }).find("did you mean 'return'") !=
              std::string::npos);
  CATCH_CHECK(message([](auto& c) { c.scalp_bars = 99; }).find("prepare.scalp_bars") != std::string::npos);
  CATCH_CHECK(message([](auto& c) { c.val_fraction = 0.4; }).find("more than 1") != std::string::npos);
}
