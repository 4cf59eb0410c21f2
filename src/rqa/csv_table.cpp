#include "src/rqa/csv_table.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "src/core/error.h"
#include "src/core/text.h"

namespace athanor::rqa {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

std::string_view bare(std::string_view field) {
  const auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\r'; };
  while (!field.empty() && blank(field.front())) field.remove_prefix(1);
  while (!field.empty() && blank(field.back())) field.remove_suffix(1);
  if (field.size() > 1 && field.front() == '"' && field.back() == '"')
    field = field.substr(1, field.size() - 2);
  return field;
}

void split_fields(std::string_view line, std::vector<std::string_view>& fields) {
  fields.clear();
  for (;;) {
    const size_t comma = line.find(',');
    fields.push_back(bare(line.substr(0, comma)));
    if (comma == std::string_view::npos) return;
    line.remove_prefix(comma + 1);
  }
}

}  // namespace

CsvTable::CsvTable(std::string_view bytes, std::string name) : rest_(bytes), name_(std::move(name)) {
  if (rest_.starts_with(kByteOrderMark)) rest_.remove_prefix(kByteOrderMark.size());
  std::string_view line;
  if (!next_line(line)) throw Error({name_, "is empty", "a header and rows", "", ""});
  split_fields(line, fields_);
  header_.assign(fields_.begin(), fields_.end());
}

bool CsvTable::next_line(std::string_view& line) {
  while (!rest_.empty()) {
    const size_t end = rest_.find('\n');
    line = rest_.substr(0, end);
    rest_ = end == std::string_view::npos ? std::string_view() : rest_.substr(end + 1);
    ++line_;
    if (!bare(line).empty()) return true;
  }
  return false;
}

int64_t CsvTable::find_column(const std::vector<std::string>& names) const {
  for (const std::string& name : names) {
    const auto found = std::find(header_.begin(), header_.end(), name);
    if (found != header_.end()) return found - header_.begin();
  }
  return -1;
}

bool CsvTable::next() {
  std::string_view line;
  if (!next_line(line)) return false;
  split_fields(line, fields_);
  if (fields_.size() != header_.size())
    throw Error({place(), "a row of another length than the header", text(header_.size(), " fields"),
                 text(fields_.size()), ""});
  return true;
}

std::string CsvTable::place() const { return text(name_, ":", line_); }

double CsvTable::number(int64_t column) const {
  const std::string_view digits = field(column);
  double value = 0;
  const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (parsed.ec != std::errc() || parsed.ptr != digits.data() + digits.size() || !std::isfinite(value))
    throw Error({place(), text(header_[static_cast<size_t>(column)], " is no number"), "a finite number",
                 text("'", digits.substr(0, 40), "'"), ""});
  return value;
}

}  // namespace athanor::rqa
