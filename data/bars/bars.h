// Price bars: open time, open, high, low, close, volume; read from CSV in the forms that terminals export, or
// from HDF5. What is read is checked: whatever comes out of load_bars increases in time and holds finite
// positive prices.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace athanor {

struct Bars {
  std::vector<int64_t> time;  // open time, seconds since 1970 UTC, increasing
  std::vector<double> open, high, low, close, volume;

  int64_t size() const { return static_cast<int64_t>(time.size()); }
  void reserve(int64_t count);
  void push(int64_t open_time, double o, double h, double l, double c, double v);
};

// Bars of a CSV or HDF5 file, told apart by the first bytes.
// CSV: the header names the columns (case-insensitive; comma, semicolon or tab; fields or whole lines may be
// quoted): time, or date and time; open, high, low, close; volume, else tick_volume (MT5), else real_volume,
// else 0. HDF5: `M1/data` (N,8) = time, open, high, low, close, tick_volume, spread, real_volume; of several
// timeframes the finest. Throws Error with file and line: unknown or missing columns, no number, high < low,
// times that do not increase, an empty file.
Bars load_bars(const std::string& path);

// The CSV form of load_bars on text in memory; `path` is for messages.
Bars parse_bars_csv(std::string_view csv, const std::string& path);

// Writes time,open,high,low,close,volume with `digits` decimals for prices; the file appears whole or not at
// all.
void write_bars_csv(const Bars& bars, const std::string& path, int digits);

// Throws Error "<place><number>: …" where bar `index` is no bar or cannot follow the bar before it.
void check_bar(const Bars& bars, int64_t index, const std::string& place, int64_t number);

// The step between bars that occurs most often, in seconds. Throws Error: fewer than two bars, or bars that
// open before the one before has closed.
int64_t bar_seconds(const Bars& bars);

// Pauses in the bars: `long_gaps` of more than `max_gap_minutes` without a bar, and minutes missing in
// shorter ones.
struct GapCount {
  int64_t long_gaps = 0;
  int64_t short_gaps = 0;
  int64_t missing_bars = 0;  // in short gaps
  int64_t longest_minutes = 0;
};
GapCount count_gaps(const Bars& bars, int64_t step_seconds, int64_t max_gap_minutes);

}  // namespace athanor
