// How often a part stands in a text.
#pragma once

#include <cstdint>
#include <string>

inline int64_t count_of(const std::string& content, const std::string& part) {
  int64_t count = 0;
  for (size_t at = content.find(part); at != std::string::npos; at = content.find(part, at + 1)) ++count;
  return count;
}
