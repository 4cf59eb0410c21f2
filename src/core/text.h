// Small text helpers: concatenation, "did you mean", joining, human sizes. No formatting library, so that
// this header can stand beside torch's (which bring an fmt of their own).
#pragma once

#include <cstdint>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace athanor {

// text("a ", 1, " b") -> "a 1 b"
template <class... Parts>
std::string text(const Parts&... parts) {
  std::ostringstream out;
  (out << ... << parts);
  return out.str();
}

std::string join(const std::vector<std::string>& parts, std::string_view separator);
std::vector<std::string> split(std::string_view line, char separator);
std::string_view trim(std::string_view line);

// "[2,480,11]"
std::string shape_text(const std::vector<int64_t>& shape);

// 1536 -> "1.5 KiB"
std::string bytes_text(int64_t bytes);

// Fixed number of decimals: decimals(0.12345, 3) -> "0.123"
std::string decimals(double value, int digits);

// The shortest decimal that reads back to the same double.
std::string shortest(double value);

// The known name that is nearest to `name` by edit distance, or "" where none is near.
std::string closest(std::string_view name, const std::vector<std::string>& known);

// "did you mean 'lr'?" where a near name exists, else "one of: a, b, c".
std::string suggestion(std::string_view name, const std::vector<std::string>& known);

}  // namespace athanor
