// Small text helpers: joining, nearest names by edit distance (Levenshtein, with transpositions), human
// sizes.
#include "src/core/text.h"

#include <algorithm>
#include <charconv>
#include <cstdio>

namespace athanor {

std::string join(const std::vector<std::string>& parts, std::string_view separator) {
  std::string all;
  for (size_t i = 0; i < parts.size(); ++i) {
    if (i > 0) all += separator;
    all += parts[i];
  }
  return all;
}

std::vector<std::string> split(std::string_view line, char separator) {
  std::vector<std::string> parts;
  for (size_t begin = 0;;) {
    const size_t end = line.find(separator, begin);
    parts.emplace_back(line.substr(begin, end - begin));
    if (end == std::string_view::npos) return parts;
    begin = end + 1;
  }
}

std::string_view trim(std::string_view line) {
  const char* blanks = " \t\r\n";
  const size_t begin = line.find_first_not_of(blanks);
  if (begin == std::string_view::npos) return {};
  return line.substr(begin, line.find_last_not_of(blanks) - begin + 1);
}

std::string shape_text(const std::vector<int64_t>& shape) {
  std::string line = "[";
  for (size_t i = 0; i < shape.size(); ++i) line += (i > 0 ? "," : "") + std::to_string(shape[i]);
  return line + "]";
}

std::string bytes_text(int64_t bytes) {
  const char* units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  double value = static_cast<double>(bytes);
  int unit = 0;
  while (value >= 1024 && unit < 4) {
    value /= 1024;
    ++unit;
  }
  return (unit == 0 ? std::to_string(bytes) : decimals(value, 1)) + " " + units[unit];
}

std::string decimals(double value, int digits) {
  char buffer[64];
  const int length = std::snprintf(buffer, sizeof buffer, "%.*f", digits, value);
  return std::string(buffer, std::min<size_t>(length, sizeof buffer - 1));
}

std::string shortest(double value) {
  char buffer[64];
  const auto result = std::to_chars(buffer, buffer + sizeof buffer, value);
  return std::string(buffer, result.ptr);
}

namespace {

// Edit distance with adjacent transpositions (optimal string alignment).
int edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::vector<int>> cost(a.size() + 1, std::vector<int>(b.size() + 1));
  for (size_t i = 0; i <= a.size(); ++i) cost[i][0] = static_cast<int>(i);
  for (size_t j = 0; j <= b.size(); ++j) cost[0][j] = static_cast<int>(j);
  for (size_t i = 1; i <= a.size(); ++i)
    for (size_t j = 1; j <= b.size(); ++j) {
      const int change = a[i - 1] == b[j - 1] ? 0 : 1;
      cost[i][j] = std::min({cost[i - 1][j] + 1, cost[i][j - 1] + 1, cost[i - 1][j - 1] + change});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        cost[i][j] = std::min(cost[i][j], cost[i - 2][j - 2] + 1);
    }
  return cost[a.size()][b.size()];
}

}  // namespace

std::string closest(std::string_view name, const std::vector<std::string>& known) {
  std::string best;
  int best_distance = std::max<int>(2, static_cast<int>(name.size()) / 3) + 1;
  for (const std::string& candidate : known) {
    const bool part = name.size() >= 3 && (candidate.find(name) == 0 || name.find(candidate) == 0);
    const int distance = part ? 1 : edit_distance(name, candidate);
    if (distance < best_distance && distance < static_cast<int>(std::max(name.size(), candidate.size()))) {
      best = candidate;
      best_distance = distance;
    }
  }
  return best;
}

std::string suggestion(std::string_view name, const std::vector<std::string>& known) {
  const std::string near = closest(name, known);
  if (!near.empty()) return "did you mean '" + near + "'?";
  return known.empty() ? "" : "one of: " + join(known, ", ");
}

}  // namespace athanor
