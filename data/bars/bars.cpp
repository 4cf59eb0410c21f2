#include "data/bars/bars.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <map>

#include "data/bars/bar_time.h"
#include "data/bars/timeframe.h"
#include "data/hdf5/hdf5_file.h"
#include "src/core/error.h"
#include "src/core/files.h"
#include "src/core/text.h"

namespace athanor {
namespace {

constexpr int64_t kHdf5Columns = 8;

// The dataset of the finest timeframe, e.g. "M1/data". Throws Error.
std::string finest_dataset(const Hdf5File& file) {
  std::string finest;
  int64_t finest_minutes = 0;
  for (const auto& group : file.list("/")) {
    const auto minutes = find_timeframe_minutes(group);
    if (!minutes || !file.has(group + "/data")) continue;
    if (finest.empty() || *minutes < finest_minutes) {
      finest = group + "/data";
      finest_minutes = *minutes;
    }
  }
  if (finest.empty()) {
    throw Error({.where = file.path(),
                 .what = "no bars in this HDF5 file",
                 .expected = "M1/data [N,8] (time, open, high, low, close, tick_volume, spread, real_volume)",
                 .got = join(file.list("/"), ", ")});
  }
  return finest;
}

Bars load_hdf5_bars(const std::string& path) {
  const Hdf5File file = Hdf5File::open(path);
  const std::string dataset = finest_dataset(file);
  const auto shape = file.info(dataset).shape;
  if (shape.size() != 2 || shape[1] != kHdf5Columns || shape[0] == 0) {
    throw Error({.where = path + ": " + dataset,
                 .what = "wrong shape",
                 .expected = "[N,8]",
                 .got = shape_text(shape)});
  }
  const auto values = file.read<double>(dataset);
  const std::string place = path + ": " + dataset + " row ";
  Bars bars;
  bars.reserve(shape[0]);
  for (int64_t i = 0; i < shape[0]; ++i) {
    const double* row = values.data() + i * kHdf5Columns;
    bars.push(static_cast<int64_t>(row[0]), row[1], row[2], row[3], row[4], row[5]);
    check_bar(bars, i, place, i);
  }
  return bars;
}

bool is_hdf5(const std::string& path) {
  char head[4] = {};
  std::ifstream(path, std::ios::binary).read(head, sizeof head);
  return std::string_view(head, sizeof head) == "\x89HDF";
}

}  // namespace

void Bars::reserve(int64_t count) {
  time.reserve(count);
  for (auto* column : {&open, &high, &low, &close, &volume}) column->reserve(count);
}

void Bars::push(int64_t open_time, double o, double h, double l, double c, double v) {
  time.push_back(open_time);
  open.push_back(o);
  high.push_back(h);
  low.push_back(l);
  close.push_back(c);
  volume.push_back(v);
}

Bars load_bars(const std::string& path) {
  return is_hdf5(path) ? load_hdf5_bars(path) : parse_bars_csv(read_file(path), path);
}

void check_bar(const Bars& bars, int64_t index, const std::string& place, int64_t number) {
  const auto fail = [&](const std::string& what, const std::string& expected, const std::string& got,
                        const std::string& hint = "") {
    throw Error({.where = text(place, number), .what = what, .expected = expected, .got = got, .hint = hint});
  };
  const size_t i = static_cast<size_t>(index);
  for (const double price : {bars.open[i], bars.high[i], bars.low[i], bars.close[i]}) {
    if (!std::isfinite(price) || price <= 0) fail("not a price", "a finite number > 0", shortest(price));
  }
  if (!std::isfinite(bars.volume[i]) || bars.volume[i] < 0) {
    fail("not a volume", "a finite number >= 0", shortest(bars.volume[i]));
  }
  if (bars.high[i] < bars.low[i]) {
    fail("high is below low", "high >= low",
         text("high ", shortest(bars.high[i]), ", low ", shortest(bars.low[i])));
  }
  if (index == 0 || bars.time[i] > bars.time[i - 1]) return;
  const bool same = bars.time[i] == bars.time[i - 1];
  fail(same ? "the same time twice" : "time goes back", "a time after " + time_text(bars.time[i - 1]),
       time_text(bars.time[i]), "sort the file by time and leave one bar a time");
}

void write_bars_csv(const Bars& bars, const std::string& path, int digits) {
  std::string out = "time,open,high,low,close,volume\n";
  out.reserve(bars.size() * 64);
  char line[160];
  for (int64_t i = 0; i < bars.size(); ++i) {
    const int length = std::snprintf(
        line, sizeof line, "%s,%.*f,%.*f,%.*f,%.*f,%.0f\n", time_text(bars.time[i]).c_str(), digits,
        bars.open[i], digits, bars.high[i], digits, bars.low[i], digits, bars.close[i], bars.volume[i]);
    out.append(line, length);
  }
  write_file_atomically(path, out);
}

int64_t bar_seconds(const Bars& bars) {
  if (bars.size() < 2)
    throw Error({.what = "too few bars", .expected = "two or more", .got = text(bars.size())});
  std::map<int64_t, int64_t> counts;
  for (int64_t i = 1; i < bars.size(); ++i) ++counts[bars.time[i] - bars.time[i - 1]];
  const int64_t step = std::max_element(counts.begin(), counts.end(), [](const auto& a, const auto& b) {
                         return a.second < b.second;
                       })->first;
  for (int64_t i = 1; i < bars.size(); ++i) {
    if (bars.time[i] - bars.time[i - 1] >= step) continue;
    throw Error({.what = "bars overlap",
                 .expected = text("bars that open ", step, " s apart or more (the usual step of this file)"),
                 .got = text("one at ", time_text(bars.time[i]), ", ", bars.time[i] - bars.time[i - 1],
                             " s after the bar before")});
  }
  return step;
}

GapCount count_gaps(const Bars& bars, int64_t step_seconds, int64_t max_gap_minutes) {
  GapCount gaps;
  for (int64_t i = 1; i < bars.size(); ++i) {
    const int64_t missing_seconds = bars.time[i] - bars.time[i - 1] - step_seconds;
    if (missing_seconds <= 0) continue;
    gaps.longest_minutes = std::max(gaps.longest_minutes, missing_seconds / 60);
    if (missing_seconds > max_gap_minutes * 60) {
      ++gaps.long_gaps;
    } else {
      ++gaps.short_gaps;
      gaps.missing_bars += missing_seconds / step_seconds;
    }
  }
  return gaps;
}

}  // namespace athanor
