#include "data/bars/bar_time.h"

#include <charconv>
#include <chrono>
#include <cstdio>

namespace athanor {
namespace {

constexpr int64_t kMillisecondsFrom = 100'000'000'000;  // unix seconds reach this in the year 5138
constexpr int64_t kSecondsFrom = 10'000'000;            // fewer digits are rather a date without separators

// Reads a text from left to right; every method says whether it found what it wanted.
struct Scanner {
  std::string_view rest;

  bool digits(size_t count, int64_t& value) {
    if (rest.size() < count) return false;
    value = 0;
    for (size_t i = 0; i < count; ++i) {
      if (rest[i] < '0' || rest[i] > '9') return false;
      value = value * 10 + (rest[i] - '0');
    }
    rest.remove_prefix(count);
    return true;
  }
  bool one_of(std::string_view characters) {
    if (rest.empty() || characters.find(rest.front()) == std::string_view::npos) return false;
    rest.remove_prefix(1);
    return true;
  }
};

std::optional<int64_t> find_unix_time(std::string_view text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < kSecondsFrom) return std::nullopt;
  return value >= kMillisecondsFrom ? value / 1000 : value;
}

bool scan_date(Scanner& scan, int64_t& seconds) {
  int64_t year, month, day;
  if (!scan.digits(4, year) || !scan.one_of("-./") || !scan.digits(2, month) || !scan.one_of("-./") ||
      !scan.digits(2, day)) {
    return false;
  }
  const std::chrono::year_month_day date{std::chrono::year(static_cast<int>(year)),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok()) return false;
  seconds = std::chrono::sys_seconds(std::chrono::sys_days(date)).time_since_epoch().count();
  return true;
}

// "18:00", "18:00:00", "18:00:00.000"; adds to `seconds`.
bool scan_clock(Scanner& scan, int64_t& seconds) {
  int64_t hour, minute, second = 0;
  if (!scan.digits(2, hour) || !scan.one_of(":") || !scan.digits(2, minute)) return false;
  if (scan.one_of(":") && !scan.digits(2, second)) return false;
  if (scan.one_of(".")) {
    while (scan.one_of("0123456789")) {
    }
  }
  if (hour > 23 || minute > 59 || second > 59) return false;
  seconds += hour * 3600 + minute * 60 + second;
  return true;
}

// "Z", "+02:00", "-0530", or nothing.
bool scan_zone(Scanner& scan, int64_t& seconds) {
  if (scan.rest.empty()) return true;
  if (scan.one_of("Zz")) return scan.rest.empty();
  const int64_t sign = scan.rest.front() == '-' ? -1 : 1;
  int64_t hours, minutes;
  if (!scan.one_of("+-") || !scan.digits(2, hours)) return false;
  scan.one_of(":");
  if (!scan.digits(2, minutes)) return false;
  seconds -= sign * (hours * 3600 + minutes * 60);
  return scan.rest.empty();
}

}  // namespace

std::optional<int64_t> find_time(std::string_view text) {
  if (const auto unix_time = find_unix_time(text)) return unix_time;
  Scanner scan{text};
  int64_t seconds = 0;
  if (!scan_date(scan, seconds)) return std::nullopt;
  if (scan.rest.empty()) return seconds;
  if (!scan.one_of(" Tt") || !scan_clock(scan, seconds) || !scan_zone(scan, seconds)) return std::nullopt;
  return seconds;
}

std::string time_text(int64_t seconds) {
  const std::chrono::sys_seconds time{std::chrono::seconds(seconds)};
  const auto days = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(days);
  const int64_t clock = (time - days).count();
  char out[64];
  const int length = std::snprintf(out, sizeof out, "%04d-%02u-%02u %02d:%02d", static_cast<int>(date.year()),
                                   static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                                   static_cast<int>(clock / 3600), static_cast<int>(clock / 60 % 60));
  std::string text(out, length);
  if (clock % 60 != 0) {
    std::snprintf(out, sizeof out, ":%02d", static_cast<int>(clock % 60));
    text += out;
  }
  return text;
}

}  // namespace athanor
