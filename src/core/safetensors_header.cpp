#include "src/core/safetensors_header.h"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <nlohmann/json.hpp>
#include <utility>

#include "src/core/error.h"
#include "src/core/text.h"

namespace athanor {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kTypeList = "F64, I64, F32, I32, BF16, F16, U8 or BOOL";
constexpr uint64_t kLargestHeader = 100'000'000;
constexpr uint64_t kMostBytes = uint64_t{1} << 62;  // of a tensor, 0 lengths counted as 1

Json read_header(std::string_view file, const std::string& path, uint64_t& data_begin) {
  if (file.size() < 8)
    throw Error({path, "not a safetensors file, or cut", "at least 8 bytes", text(file.size(), " bytes")});
  uint64_t length = 0;
  std::memcpy(&length, file.data(), 8);
  if (length > kLargestHeader)
    throw Error({path, "not a safetensors file", "a header length", text(length, " in the first 8 bytes")});
  if (length > file.size() - 8)
    throw Error({path, "cut inside the header", bytes_text(static_cast<int64_t>(length + 8)),
                 bytes_text(static_cast<int64_t>(file.size()))});
  data_begin = 8 + length;
  const std::string_view bytes = file.substr(8, length);
  Json header = Json::parse(bytes.begin(), bytes.end(), nullptr, /*allow_exceptions=*/false);
  if (!header.is_object()) throw Error({path, "the header is not a JSON object"});
  return header;
}

bool is_size(const Json& value) { return value.is_number_unsigned(); }

bool well_formed(const Json& entry) {
  if (!entry.is_object() || !entry.contains("dtype") || !entry.contains("shape") ||
      !entry.contains("data_offsets"))
    return false;
  const Json& offsets = entry["data_offsets"];
  return entry["dtype"].is_string() && entry["shape"].is_array() &&
         std::all_of(entry["shape"].begin(), entry["shape"].end(), is_size) && offsets.is_array() &&
         offsets.size() == 2 && is_size(offsets[0]) && is_size(offsets[1]);
}

// Bytes of such a tensor. Throws Error where they, or its lengths, are more than any file has.
uint64_t bytes_of(const Json& shape, uint64_t bytes, const std::string& where) {
  bool is_empty = false;
  for (const auto length : shape.get<std::vector<uint64_t>>()) {
    is_empty = is_empty || length == 0;
    if (length > kMostBytes / bytes)
      throw Error({where, "offsets do not fit the shape", "no more bytes than a file has", shape.dump()});
    bytes *= std::max<uint64_t>(1, length);
  }
  return is_empty ? 0 : bytes;
}

// begin and end as the file has them: of the data.
SafetensorsEntry parse_entry(const std::string& name, const Json& json, const std::string& path) {
  const std::string where = path + ": " + name;
  if (!well_formed(json)) throw Error({where, "bad header entry", "dtype, shape and data_offsets"});
  const std::string dtype = json["dtype"];
  const auto* known = std::find_if(std::begin(kSafetensorsTypes), std::end(kSafetensorsTypes),
                                   [&](const SafetensorsType& type) { return dtype == type.name; });
  if (known == std::end(kSafetensorsTypes))
    throw Error({where, "this type cannot be read", kTypeList, dtype});
  const uint64_t bytes = bytes_of(json["shape"], known->bytes, where);
  SafetensorsEntry entry{name, static_cast<size_t>(known - std::begin(kSafetensorsTypes)), json["shape"],
                         json["data_offsets"][0], json["data_offsets"][1]};
  if (entry.begin > entry.end || bytes != entry.end - entry.begin)
    throw Error({where, "offsets do not fit the shape",
                 text(bytes, " bytes for ", dtype, " ", shape_text(entry.shape)),
                 text("[", entry.begin, ",", entry.end, "]")});
  return entry;
}

void check_layout(std::vector<SafetensorsEntry>& entries, uint64_t data_bytes, const std::string& path) {
  std::stable_sort(entries.begin(), entries.end(), [](const SafetensorsEntry& a, const SafetensorsEntry& b) {
    return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);
  });
  uint64_t next = 0;
  for (const SafetensorsEntry& entry : entries) {
    if (entry.begin != next)
      throw Error({path + ": " + entry.name,
                   entry.begin < next ? "tensors overlap" : "a hole before this tensor",
                   text("offset ", next), text("offset ", entry.begin)});
    next = entry.end;
  }
  if (next != data_bytes)
    throw Error({path, next > data_bytes ? "cut" : "bytes after the last tensor",
                 text(next, " bytes of data"), text(data_bytes)});
}

}  // namespace

SafetensorsHeader parse_safetensors_header(std::string_view file, const std::string& path) {
  uint64_t data_begin = 0;
  const Json json = read_header(file, path, data_begin);
  SafetensorsHeader header;
  for (const auto& [name, value] : json.items()) {
    if (name != "__metadata__") {
      header.entries.push_back(parse_entry(name, value, path));
      continue;
    }
    if (!value.is_object()) throw Error({path, "__metadata__ is not a JSON object"});
    for (const auto& [key, text_value] : value.items())
      if (text_value.is_string()) header.metadata[key] = text_value;
  }
  check_layout(header.entries, file.size() - data_begin, path);
  for (SafetensorsEntry& entry : header.entries) entry.begin += data_begin, entry.end += data_begin;
  return header;
}

}  // namespace athanor
