// Bars for tests: a random walk with missing minutes and weekends.
#pragma once

#include <algorithm>
#include <cmath>
#include <string>

#include "data/bars/bars.h"
#include "data/bars/prepare.h"
#include "src/core/error.h"
#include "src/core/random.h"
#include "tests/data/test_files.h"

namespace athanor {

constexpr int64_t kMondayNoon = 1641211200;  // Monday 2022-01-03 12:00 UTC

// Minutes with 5 decimals; about one in 50 is missing, and Friday 22:00 to Sunday 22:00 has none.
inline Bars random_bars(int64_t count, uint64_t seed, int64_t first = kMondayNoon) {
  Rng rng(seed);
  Bars bars;
  int64_t time = first;
  double price = 1.1;
  const auto rounded = [](double x) { return std::round(x * 1e5) / 1e5; };
  while (bars.size() < count) {
    const int64_t minute_of_week = (time - kMondayNoon + 36 * 3600) / 60 % (7 * 1440);  // from Sunday 00:00
    const bool weekend = minute_of_week >= 5 * 1440 + 1320 || minute_of_week < 1320;
    if (!weekend && rng.below(50) != 0) {
      const double open = rounded(price), close = rounded(price + 1e-4 * rng.normal());
      const double high = rounded(std::max(open, close) + 5e-5 * rng.uniform());
      const double low = rounded(std::min(open, close) - 5e-5 * rng.uniform());
      bars.push(time, open, high, low, close, static_cast<double>(rng.below(90)));
      price = close;
    }
    time += 60;
  }
  return bars;
}

// Windows and warm-ups short enough for a few thousand bars.
inline PrepareConfig small_config() {
  PrepareConfig config;
  config.windows = {{"M1", 40}, {"M5", 12}, {"M15", 8}, {"H1", 5}};
  config.features = feature_names();
  return config;
}

// Replaces the prices and the volume of bar `i` by others that are just as valid.
inline void perturb_bar(Bars& bars, int64_t i, double factor) {
  for (auto* column : {&bars.open, &bars.high, &bars.low, &bars.close}) (*column)[i] *= factor;
  bars.volume[i] += 1000;
}

inline bool same_bars(const Bars& a, const Bars& b) {
  return a.time == b.time && a.open == b.open && a.high == b.high && a.low == b.low && a.close == b.close &&
         a.volume == b.volume;
}

}  // namespace athanor
