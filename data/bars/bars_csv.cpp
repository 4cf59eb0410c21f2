// Bars from CSV text: one pass, numbers by std::from_chars. The forms that it knows are listed in bars.h;
// decimal commas and files without a header are left out.
#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "data/bars/bar_time.h"
#include "data/bars/bars.h"
#include "src/core/error.h"
#include "src/core/text.h"

namespace athanor {
namespace {

enum Role { kTime, kDate, kOpen, kHigh, kLow, kClose, kVolume, kTickVolume, kRealVolume, kSpread, kRoles };

struct ColumnName {
  const char* name;
  Role role;
};
constexpr ColumnName kColumnNames[] = {
    {"time", kTime},
    {"datetime", kTime},
    {"timestamp", kTime},
    {"date", kDate},
    {"open", kOpen},
    {"high", kHigh},
    {"low", kLow},
    {"close", kClose},
    {"volume", kVolume},
    {"tick_volume", kTickVolume},
    {"tickvol", kTickVolume},
    {"vol", kRealVolume},
    {"spread", kSpread},
    {"real_volume", kRealVolume},
};

using Columns = std::array<int, kRoles>;  // role -> place in the line, -1 where absent

std::string_view unquoted(std::string_view field) {
  field = trim(field);
  if (!field.empty() && field.front() == '"') field.remove_prefix(1);
  if (!field.empty() && field.back() == '"') field.remove_suffix(1);
  return trim(field);
}

std::string normal_name(std::string_view field) {
  std::string name(unquoted(field));
  if (name.size() > 2 && name.front() == '<' && name.back() == '>') name = name.substr(1, name.size() - 2);
  for (char& c : name) c = c == ' ' ? '_' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return name;
}

class CsvBars {
 public:
  CsvBars(std::string_view csv, const std::string& path) : rest_(csv), path_(path), place_(path + ":") {
    if (rest_.starts_with("\xEF\xBB\xBF")) rest_.remove_prefix(3);
  }

  Bars read() {
    read_header();
    bars_.reserve(static_cast<int64_t>(rest_.size() / 32));
    std::string_view line;
    while (next_line(line)) {
      if (trim(line).empty()) continue;
      read_line(line);
    }
    if (bars_.size() == 0) throw Error({.where = path_, .what = "no bars after the header"});
    return std::move(bars_);
  }

 private:
  [[noreturn]] void fail(const std::string& what, const std::string& expected, const std::string& got,
                         const std::string& hint = "") const {
    throw Error(
        {.where = text(place_, line_number_), .what = what, .expected = expected, .got = got, .hint = hint});
  }

  bool next_line(std::string_view& line) {
    if (rest_.empty()) return false;
    const size_t end = std::min(rest_.find('\n'), rest_.size());
    line = rest_.substr(0, end);
    rest_.remove_prefix(std::min(end + 1, rest_.size()));
    ++line_number_;
    return true;
  }

  void read_header() {
    std::string_view line;
    while (next_line(line) && trim(line).empty()) {
    }
    if (trim(line).empty())
      throw Error({.where = path_, .what = "the file is empty", .expected = "a CSV file of bars"});
    for (const char candidate : {'\t', ';', ','}) {
      if (line.find(candidate) == std::string_view::npos) continue;
      separator_ = candidate;
      break;
    }
    columns_.fill(-1);
    for (const auto& field : split(line, separator_)) add_column(normal_name(field));
    for (const auto& [name, role] : kColumnNames) {
      if (role == kTime && columns_[kDate] >= 0) continue;
      if (role < kVolume && role != kDate && columns_[role] < 0) {
        fail(text("no column '", name, "'"), "time (or date and time), open, high, low, close, volume",
             std::string(trim(line)));
      }
    }
    volume_ = columns_[kVolume] >= 0 ? kVolume : columns_[kTickVolume] >= 0 ? kTickVolume : kRealVolume;
  }

  void add_column(const std::string& name) {
    const auto* known = std::find_if(std::begin(kColumnNames), std::end(kColumnNames),
                                     [&](const ColumnName& column) { return name == column.name; });
    if (known == std::end(kColumnNames)) {
      if (!name.empty() && (std::isdigit(static_cast<unsigned char>(name.front())) != 0)) {
        fail("no header", "a first line that names the columns: time,open,high,low,close,volume", name);
      }
      std::vector<std::string> names;
      for (const auto& column : kColumnNames) names.emplace_back(column.name);
      fail(text("unknown column '", name, "'"), "", "", suggestion(name, names));
    }
    if (columns_[known->role] >= 0) fail(text("two columns mean '", name, "'"), "one", "two");
    columns_[known->role] = column_count_++;
  }

  void read_line(std::string_view line) {
    fields_.clear();
    for (size_t begin = 0;;) {
      const size_t end = line.find(separator_, begin);
      fields_.push_back(unquoted(line.substr(begin, end - begin)));
      if (end == std::string_view::npos) break;
      begin = end + 1;
    }
    if (static_cast<int>(fields_.size()) != column_count_) {
      fail("wrong number of fields", text(column_count_), text(fields_.size()));
    }
    const double volume = columns_[volume_] >= 0 ? number(volume_, "volume") : 0;
    bars_.push(time(), number(kOpen, "open"), number(kHigh, "high"), number(kLow, "low"),
               number(kClose, "close"), volume);
    check_bar(bars_, bars_.size() - 1, place_, line_number_);
  }

  double number(Role role, const char* name) const {
    const std::string_view field = fields_[columns_[role]];
    double value = 0;
    const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), value);
    if (error != std::errc() || end != field.data() + field.size()) {
      fail(text("'", name, "' is not a number"), "a number like 1.12834", text("'", field, "'"));
    }
    return value;
  }

  int64_t time() const {
    std::string joined;
    std::string_view field;
    if (columns_[kDate] >= 0 && columns_[kTime] >= 0) {
      joined = text(fields_[columns_[kDate]], " ", fields_[columns_[kTime]]);
      field = joined;
    } else {
      field = fields_[columns_[columns_[kDate] >= 0 ? kDate : kTime]];
    }
    const auto seconds = find_time(field);
    if (!seconds) {
      fail("not a time", "YYYY-MM-DD HH:MM[:SS], YYYY.MM.DD HH:MM, ISO 8601 or unix seconds",
           text("'", field, "'"));
    }
    return *seconds;
  }

  std::string_view rest_;
  const std::string& path_;
  const std::string place_;
  int64_t line_number_ = 0;
  char separator_ = ',';
  Columns columns_{};
  Role volume_ = kVolume;
  int column_count_ = 0;
  std::vector<std::string_view> fields_;
  Bars bars_;
};

}  // namespace

Bars parse_bars_csv(std::string_view csv, const std::string& path) { return CsvBars(csv, path).read(); }

}  // namespace athanor
