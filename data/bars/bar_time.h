// Times of bars: seconds since 1970 UTC, read from the forms that terminals and scripts write. Proleptic
// Gregorian calendar by std::chrono; leap seconds are left out. A time without a zone is taken as UTC.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace athanor {

// "2022-01-04 18:00[:00[.000]]", "2022.01.04 18:00", "2022/01/04", "2022-01-04T18:00:00Z", "…+02:00", unix
// seconds or milliseconds. nullopt where the text is no time.
std::optional<int64_t> find_time(std::string_view text);

// "2022-01-04 18:00" (and ":30" where the seconds are not 0).
std::string time_text(int64_t seconds);

}  // namespace athanor
