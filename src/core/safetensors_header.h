// The header of a safetensors file, checked: what it says fits the file before a byte of data is used.
// Without LibTorch, so that it is also tested under the sanitizers.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace athanor {

struct SafetensorsType {
  const char* name;
  uint64_t bytes;  // of an element
};
// F64, I64, F32, I32, BF16, F16, U8, BOOL
inline constexpr SafetensorsType kSafetensorsTypes[] = {{"F64", 8},  {"I64", 8}, {"F32", 4}, {"I32", 4},
                                                        {"BF16", 2}, {"F16", 2}, {"U8", 1},  {"BOOL", 1}};

struct SafetensorsEntry {
  std::string name;
  size_t type = 0;  // index into kSafetensorsTypes
  std::vector<int64_t> shape;
  uint64_t begin = 0, end = 0;  // of the file, in bytes
};

struct SafetensorsHeader {
  std::vector<SafetensorsEntry> entries;  // in the order of their data
  std::map<std::string, std::string> metadata;
};

// `file`: all its bytes. Throws Error naming `path` for one that is cut, whose header is not what it should
// be, whose tensors overlap or leave holes.
SafetensorsHeader parse_safetensors_header(std::string_view file, const std::string& path);

}  // namespace athanor
