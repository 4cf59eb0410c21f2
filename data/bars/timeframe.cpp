#include "data/bars/timeframe.h"

#include <algorithm>
#include <charconv>

#include "src/core/error.h"
#include "src/core/text.h"

namespace athanor {

std::optional<int64_t> find_timeframe_minutes(const std::string& name) {
  if (name.size() < 2) return std::nullopt;
  int64_t unit = 0;
  switch (name.front()) {
    case 'M':
      unit = 1;
      break;
    case 'H':
      unit = 60;
      break;
    case 'D':
      unit = 1440;
      break;
    default:
      return std::nullopt;
  }
  int64_t count = 0;
  const char* end = name.data() + name.size();
  const auto [stop, error] = std::from_chars(name.data() + 1, end, count);
  if (error != std::errc() || stop != end || count <= 0 || count > 100'000) return std::nullopt;
  return count * unit;
}

Bars resample(const Bars& base, int64_t base_seconds, int64_t minutes) {
  const int64_t span = minutes * 60;
  if (span % base_seconds != 0) {
    throw Error({.what = text("bars of ", base_seconds, " s cannot be resampled to ", minutes, " minutes"),
                 .expected = "a multiple of the base bars' length",
                 .hint = "leave timeframes finer than the input out of prepare.windows"});
  }
  Bars out;
  out.reserve(base.size() * base_seconds / span + 2);
  if (base.size() == 0) return out;
  const int64_t last_close = base.time.back() + base_seconds;
  int64_t i = 0;
  while (i < base.size()) {
    const int64_t begin = base.time[i] - (base.time[i] % span + span) % span;
    const int64_t end = begin + span;
    const int64_t first = i;
    double high = base.high[i], low = base.low[i], volume = 0;
    for (; i < base.size() && base.time[i] < end; ++i) {
      high = std::max(high, base.high[i]);
      low = std::min(low, base.low[i]);
      volume += base.volume[i];
    }
    const bool partial_first = first == 0 && base.time[0] != begin;
    if (partial_first || end > last_close) continue;
    out.push(begin, base.open[first], high, low, base.close[i - 1], volume);
  }
  return out;
}

std::vector<int64_t> count_closed(std::span<const int64_t> close_times, std::span<const int64_t> times) {
  std::vector<int64_t> counts;
  counts.reserve(times.size());
  for (const int64_t time : times) {
    counts.push_back(std::upper_bound(close_times.begin(), close_times.end(), time) - close_times.begin());
  }
  return counts;
}

}  // namespace athanor
