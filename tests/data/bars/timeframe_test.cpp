#include "data/bars/timeframe.h"

#include <catch2/catch.hpp>
#include <map>

#include "tests/data/bars/bars_fixtures.h"

using namespace athanor;

CATCH_TEST_CASE("timeframes: names are minutes", "[unit]") {
  CATCH_CHECK(find_timeframe_minutes("M1") == 1);
  CATCH_CHECK(find_timeframe_minutes("M15") == 15);
  CATCH_CHECK(find_timeframe_minutes("H4") == 240);
  CATCH_CHECK(find_timeframe_minutes("D1") == 1440);
  for (const char* name : {"", "M", "M0", "5M", "M5x", "X1", "M-5"})
    CATCH_CHECK_FALSE(find_timeframe_minutes(name));
}

CATCH_TEST_CASE("resampling equals grouping by calendar bucket, over gaps and weekends", "[unit]") {
  for (const int64_t minutes : {1, 2, 5, 15, 60, 240, 1440}) {
    CATCH_INFO("minutes " << minutes);
    const Bars base = random_bars(9000, 11, kMondayNoon + 37 * 60);
    std::map<int64_t, std::vector<int64_t>> buckets;
    for (int64_t i = 0; i < base.size(); ++i) buckets[base.time[i] / (minutes * 60)].push_back(i);
    Bars expected;
    for (const auto& [bucket, members] : buckets) {
      const int64_t begin = bucket * minutes * 60;
      if (members.front() == 0 && base.time[0] != begin) continue;  // began before the data
      if (begin + minutes * 60 > base.time.back() + 60) continue;   // not over yet
      double high = 0, low = 1e9, volume = 0;
      for (const int64_t i : members) {
        high = std::max(high, base.high[i]);
        low = std::min(low, base.low[i]);
        volume += base.volume[i];
      }
      expected.push(begin, base.open[members.front()], high, low, base.close[members.back()], volume);
    }
    CATCH_REQUIRE(expected.size() > 1);
    CATCH_CHECK(same_bars(resample(base, 60, minutes), expected));
  }
}

CATCH_TEST_CASE("resampling makes no bars for the weekend", "[unit]") {
  const Bars base = random_bars(9000, 12);
  const Bars hours = resample(base, 60, 60);
  int64_t longest = 0;
  for (int64_t i = 1; i < hours.size(); ++i) longest = std::max(longest, hours.time[i] - hours.time[i - 1]);
  CATCH_CHECK(longest >= 48 * 3600);
}

CATCH_TEST_CASE("resampling refuses bars that are finer than the input", "[unit]") {
  Bars base;
  for (int64_t i = 0; i < 10; ++i) base.push(i * 300, 1, 1, 1, 1, 1);
  CATCH_CHECK(error_of([&] { resample(base, 300, 1); }).find("cannot be resampled") != std::string::npos);
  CATCH_CHECK(error_of([&] { resample(base, 300, 7); }).find("cannot be resampled") != std::string::npos);
}

CATCH_TEST_CASE("a bar counts as closed at its end and not a second before", "[unit]") {
  const std::vector<int64_t> closes = {300, 600, 1200};
  const std::vector<int64_t> times = {0, 299, 300, 301, 599, 600, 1199, 1200, 5000};
  CATCH_CHECK(count_closed(closes, times) == std::vector<int64_t>{0, 0, 1, 1, 1, 2, 2, 3, 3});
}
