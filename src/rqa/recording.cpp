#include "src/rqa/recording.h"

#include <algorithm>
#include <cstring>

#include "src/core/error.h"
#include "src/core/files.h"
#include "src/core/text.h"
#include "src/rqa/csv_table.h"
#include "src/rqa/walk.h"

namespace athanor::rqa {
namespace {

int64_t need_column(const CsvTable& table, const std::string& name, const std::vector<std::string>& names) {
  const int64_t column = table.find_column(names);
  if (column < 0)
    throw Error({text(name, ":1"), text("no column ", names.front()), join(names, " or "),
                 shown(join(table.header(), ",")), ""});
  return column;
}

bool constant(const Series& series) {
  return std::all_of(series.coordinates.begin(), series.coordinates.end(), [](const auto& values) {
    return std::all_of(values.begin(), values.end(), [&](double value) { return value == values[0]; });
  });
}

}  // namespace

int64_t fingerprint(const void* bytes, size_t size, int64_t seed) {
  constexpr uint64_t kPrime = 0x9E3779B97F4A7C15;
  uint64_t hash = static_cast<uint64_t>(seed) ^ (size * kPrime);
  const char* at = static_cast<const char*>(bytes);
  for (size_t i = 0; i < size; i += sizeof(uint64_t)) {
    uint64_t word = 0;
    std::memcpy(&word, at + i, std::min(sizeof(word), size - i));
    hash = (hash ^ word) * kPrime;
    hash ^= hash >> 29;
  }
  return static_cast<int64_t>(hash);
}

Recording load_recording(const std::string& path, const std::string& name) {
  return parse_recording(read_file(path), name);
}

Recording parse_recording(const std::string& bytes, const std::string& name) {
  CsvTable table(bytes, name);
  const int64_t x = need_column(table, name, {"x", "GazePointX_normalized"});
  const int64_t y = need_column(table, name, {"y", "GazePointY_normalized"});
  const int64_t milliseconds = table.find_column({"milliseconds"});
  Recording recording;
  recording.fingerprint = fingerprint(bytes.data(), bytes.size());
  while (table.next()) {
    recording.x.push_back(table.number(x));
    recording.y.push_back(table.number(y));
    if (milliseconds < 0) continue;
    const double time_ms = table.number(milliseconds);
    if (!recording.times_ms.empty() && time_ms < recording.times_ms.back())
      throw Error({table.place(), "time runs backwards",
                   text("milliseconds from ", shortest(recording.times_ms.back()), " on"), shortest(time_ms),
                   ""});
    recording.times_ms.push_back(time_ms);
  }
  return recording;
}

const std::vector<std::string>& analysis_names() {
  static const std::vector<std::string> names{"1d_x", "1d_y", "2d"};
  return names;
}

Series series_of(const Recording& recording, const std::string& analysis) {
  if (analysis == "1d_x") return {{recording.x}};
  if (analysis == "1d_y") return {{recording.y}};
  if (analysis == "2d") return {{recording.x, recording.y}};
  throw usage_error(
      {.what = text("unknown analysis '", analysis, "'"), .hint = suggestion(analysis, analysis_names())});
}

void check_usable(const Recording& recording, const std::string& name, const Grid& grid,
                  const std::vector<std::string>& analyses) {
  const int64_t least = (grid.m.front() - 1) * grid.tau.front() + 2;
  const auto points = static_cast<int64_t>(recording.x.size());
  if (points < least)
    throw Error({name, "too few points",
                 text("at least ", least, " for m ", grid.m.front(), ", tau ", grid.tau.front()),
                 text(points), ""});
  if (points > kLongestSeries)
    throw Error({name, "too many points", text("at most ", kLongestSeries), text(points),
                 "cut it, or keep every second sample"});
  for (const std::string& analysis : analyses)
    if (constant(series_of(recording, analysis)))
      throw Error({name, text("the series of ", analysis, " never changes"), "", "", ""});
}

}  // namespace athanor::rqa
