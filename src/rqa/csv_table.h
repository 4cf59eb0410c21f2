// Tables of comma-separated fields with a header, as recordings and manifests have them: fields may stand in
// double quotes, and hold commas then (RFC 4180); lines end as anywhere. Left out: fields that hold the end
// of a line.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace athanor::rqa {

class CsvTable {
 public:
  // `bytes` outlives the table; `name` stands for it in errors. Throws Error without a header.
  CsvTable(std::string_view bytes, std::string name);
  // The column of one of these names, the first that is there; -1 if none is.
  int64_t find_column(const std::vector<std::string>& names) const;
  const std::vector<std::string>& header() const { return header_; }

  // The next line that is not blank, into fields(); false at the end. Throws Error where it has not as many
  // fields as the header.
  bool next();
  std::string_view field(int64_t column) const { return fields_[static_cast<size_t>(column)]; }
  // "name:17", of that line.
  std::string place() const;
  // The field as a finite number. Throws Error naming line and column.
  double number(int64_t column) const;

 private:
  bool next_line(std::string_view& line);
  void split_fields(std::string_view line);
  std::string_view rest_;
  std::string name_;
  int64_t line_ = 0;
  std::vector<std::string> header_;
  std::vector<std::string_view> fields_;
  std::deque<std::string> unquoted_;  // what fields with doubled quotes say
};

// In quotes, without what is not UTF-8, and shortened: for errors.
std::string shown(std::string_view bytes);
// As a field of a CSV: in quotes where it must be.
std::string csv_field(const std::string& plain);

}  // namespace athanor::rqa
