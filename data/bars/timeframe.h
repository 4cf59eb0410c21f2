// Timeframes (M1, M5, H1, H4, D1, any number of minutes) and resampling: calendar-aligned buckets of base
// bars. No bars are made for gaps; the first partial bucket and the last unfinished one are left out.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "data/bars/bars.h"

namespace athanor {

// "M5" -> 5, "H4" -> 240, "D1" -> 1440; nullopt for anything else.
std::optional<int64_t> find_timeframe_minutes(const std::string& name);

// Buckets of `minutes`, aligned to 1970-01-01 00:00 UTC (so to the hour, the day…). A bucket [b, b+minutes)
// is kept where base bars that close at or before `base.time.back() + base_seconds` complete it. Throws Error
// where `minutes` is no multiple of the base bars' length.
Bars resample(const Bars& base, int64_t base_seconds, int64_t minutes);

// For each time: how many bars, of those that close at the increasing `close_times`, have closed by then.
std::vector<int64_t> count_closed(std::span<const int64_t> close_times, std::span<const int64_t> times);

}  // namespace athanor
