#include "src/rqa/csv_table.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "data/text/unicode.h"
#include "src/core/error.h"
#include "src/core/text.h"

namespace athanor::rqa {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

constexpr size_t kMostShown = 200;  // bytes of a wrong text in an error

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }

std::string_view bare(std::string_view field) {
  while (!field.empty() && is_blank(field.front())) field.remove_prefix(1);
  while (!field.empty() && is_blank(field.back())) field.remove_suffix(1);
  return field;
}

// Where the field that begins with a quote ends: at the quote that no other follows; npos where none does.
size_t closing_quote(std::string_view field) {
  for (size_t at = field.find('"', 1); at != std::string_view::npos; at = field.find('"', at + 2))
    if (at + 1 == field.size() || field[at + 1] != '"') return at;
  return std::string_view::npos;
}

std::string without_doubled_quotes(std::string_view inside) {
  std::string out;
  for (size_t at = 0; at < inside.size(); at += inside[at] == '"' ? 2 : 1) out += inside[at];
  return out;
}

}  // namespace

void CsvTable::split_fields(std::string_view line) {
  fields_.clear();
  unquoted_.clear();
  for (;;) {
    size_t comma = line.find(',');
    const std::string_view ahead = bare(line);
    const size_t close = ahead.starts_with('"') ? closing_quote(ahead) : std::string_view::npos;
    if (close != std::string_view::npos) {
      std::string_view inside = ahead.substr(1, close - 1);
      if (inside.find('"') != std::string_view::npos)
        inside = unquoted_.emplace_back(without_doubled_quotes(inside));
      fields_.push_back(inside);
      comma = line.find(',', static_cast<size_t>(ahead.data() - line.data()) + close);
    } else {
      fields_.push_back(bare(line.substr(0, comma)));
    }
    if (comma == std::string_view::npos) return;
    line.remove_prefix(comma + 1);
  }
}

CsvTable::CsvTable(std::string_view bytes, std::string name) : rest_(bytes), name_(std::move(name)) {
  if (rest_.starts_with(kByteOrderMark)) rest_.remove_prefix(kByteOrderMark.size());
  std::string_view line;
  if (!next_line(line)) throw Error({name_, "is empty", "a header and rows", "", ""});
  split_fields(line);
  header_.assign(fields_.begin(), fields_.end());
}

bool CsvTable::next_line(std::string_view& line) {
  while (!rest_.empty()) {
    const size_t newline = rest_.find('\n');
    const size_t end = std::min(newline, rest_.substr(0, newline).find('\r'));
    line = rest_.substr(0, end);
    const bool both = end != std::string_view::npos && rest_.substr(end, 2) == "\r\n";
    rest_ = end == std::string_view::npos ? std::string_view() : rest_.substr(end + (both ? 2 : 1));
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
  split_fields(line);
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
                 shown(digits), ""});
  return value;
}

std::string shown(std::string_view bytes) {
  const std::string valid = replace_invalid_utf8(bytes.substr(0, kMostShown));
  return text("'", valid, bytes.size() > kMostShown ? "…'" : "'");
}

std::string csv_field(const std::string& plain) {
  if (plain.find_first_of(",\"\r\n") == std::string::npos) return plain;
  std::string out = "\"";
  for (const char c : plain) out += c == '"' ? "\"\"" : std::string(1, c);
  return out + "\"";
}

}  // namespace athanor::rqa
