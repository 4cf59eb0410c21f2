// Writing tensors sorted by item size, so that each is aligned to its own type; reading by mmap with every
// offset checked before a byte is used.
#include "src/core/safetensors.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <nlohmann/json.hpp>

#include "src/core/error.h"
#include "src/core/files.h"
#include "src/core/text.h"

namespace athanor {
namespace {

using Json = nlohmann::ordered_json;

struct TypeName {
  const char* name;
  at::ScalarType type;
};
constexpr TypeName kTypes[] = {{"F64", at::kDouble}, {"I64", at::kLong},      {"F32", at::kFloat},
                               {"I32", at::kInt},    {"BF16", at::kBFloat16}, {"F16", at::kHalf},
                               {"U8", at::kByte},    {"BOOL", at::kBool}};
constexpr const char* kTypeList = "F64, I64, F32, I32, BF16, F16, U8 or BOOL";
constexpr uint64_t kLargestHeader = 100'000'000;

const char* type_name(at::ScalarType type, const std::string& where) {
  for (const TypeName& entry : kTypes)
    if (entry.type == type) return entry.name;
  throw Error({where, "this type cannot be stored", kTypeList, c10::toString(type)});
}

class OutputFile {
 public:
  explicit OutputFile(const std::string& path)
      : path_(path), fd_(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644)) {
    if (fd_ < 0) fail();
  }
  ~OutputFile() {
    if (fd_ >= 0) ::close(fd_);
  }
  void write(const void* bytes, size_t count) {
    const char* next = static_cast<const char*>(bytes);
    while (count > 0) {
      const ssize_t written = ::write(fd_, next, count);
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) fail();
      next += written;
      count -= written;
    }
  }
  void close() {
    if (::close(std::exchange(fd_, -1)) != 0) fail();
  }

 private:
  [[noreturn]] void fail() {
    const bool full = errno == ENOSPC || errno == EFBIG || errno == EDQUOT;
    throw Error({path_, text("cannot write: ", system_reason()), "", "", full ? "free some space" : ""});
  }
  std::string path_;
  int fd_;
};

std::string header_of(const TensorMap& tensors, const std::map<std::string, std::string>& metadata,
                      const std::string& path) {
  Json header = Json::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  int64_t offset = 0;
  for (const auto& [name, tensor] : tensors) {
    const int64_t end = offset + static_cast<int64_t>(tensor.nbytes());
    header[name] = {{"dtype", type_name(tensor.scalar_type(), text(path, ": ", name))},
                    {"shape", tensor.sizes().vec()},
                    {"data_offsets", {offset, end}}};
    offset = end;
  }
  std::string bytes = header.dump();
  // The data begins 64-byte aligned.
  bytes.resize((bytes.size() + 8 + 63) / 64 * 64 - 8, ' ');
  return bytes;
}

// The file's bytes, unmapped with the last tensor that uses them.
struct Mapping {
  char* bytes = nullptr;
  uint64_t size = 0;
  ~Mapping() {
    if (bytes != nullptr) ::munmap(bytes, size);
  }
};

std::shared_ptr<Mapping> map_file(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) throw Error({path, "cannot open: " + system_reason()});
  auto mapping = std::make_shared<Mapping>();
  struct stat status {};
  const bool known = ::fstat(fd, &status) == 0;
  void* bytes = known && status.st_size > 0
                    ? ::mmap(nullptr, status.st_size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0)
                    : nullptr;
  const std::string reason = system_reason();
  ::close(fd);
  if (bytes == MAP_FAILED) throw Error({path, "cannot map: " + reason});
  mapping->bytes = static_cast<char*>(bytes);
  mapping->size = status.st_size;
  return mapping;
}

Json read_header(const Mapping& file, const std::string& path, uint64_t& data_begin) {
  if (file.size < 8)
    throw Error({path, "not a safetensors file, or cut", "at least 8 bytes", text(file.size, " bytes")});
  uint64_t length = 0;
  std::memcpy(&length, file.bytes, 8);
  if (length > kLargestHeader)
    throw Error({path, "not a safetensors file", "a header length", text(length, " in the first 8 bytes")});
  if (length > file.size - 8)
    throw Error({path, "cut inside the header", bytes_text(length + 8), bytes_text(file.size)});
  data_begin = 8 + length;
  Json header = Json::parse(file.bytes + 8, file.bytes + data_begin, nullptr, /*allow_exceptions=*/false);
  if (!header.is_object()) throw Error({path, "the header is not a JSON object"});
  return header;
}

struct Entry {
  std::string name;
  at::ScalarType type;
  std::vector<int64_t> shape;
  uint64_t begin, end;
};

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

Entry parse_entry(const std::string& name, const Json& json, const std::string& path) {
  const std::string where = path + ": " + name;
  if (!well_formed(json)) throw Error({where, "bad header entry", "dtype, shape and data_offsets"});
  const std::string dtype = json["dtype"];
  const auto* known = std::find_if(std::begin(kTypes), std::end(kTypes),
                                   [&](const TypeName& type) { return dtype == type.name; });
  if (known == std::end(kTypes)) throw Error({where, "this type cannot be read", kTypeList, dtype});
  Entry entry{name, known->type, json["shape"], json["data_offsets"][0], json["data_offsets"][1]};
  unsigned __int128 bytes = c10::elementSize(entry.type);
  for (const int64_t length : entry.shape) {
    bytes *= static_cast<uint64_t>(length);
    if (bytes >> 64 != 0) bytes = ~uint64_t{0};
  }
  if (entry.begin > entry.end || bytes != entry.end - entry.begin)
    throw Error({where, "offsets do not fit the shape",
                 text(static_cast<uint64_t>(bytes), " bytes for ", dtype, " ", shape_text(entry.shape)),
                 text("[", entry.begin, ",", entry.end, "]")});
  return entry;
}

void check_layout(std::vector<Entry>& entries, uint64_t data_bytes, const std::string& path) {
  std::stable_sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);
  });
  uint64_t next = 0;
  for (const Entry& entry : entries) {
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

at::Tensor make_view(const Entry& entry, const std::shared_ptr<Mapping>& file, uint64_t data_begin) {
  char* bytes = file->bytes + data_begin + entry.begin;
  const auto options = at::TensorOptions().dtype(entry.type);
  if (reinterpret_cast<uintptr_t>(bytes) % c10::elementSize(entry.type) == 0)
    return at::from_blob(
        bytes, entry.shape, [file](void*) {}, options);
  at::Tensor copy = at::empty(entry.shape, options);
  std::memcpy(copy.data_ptr(), bytes, entry.end - entry.begin);
  return copy;
}

}  // namespace

void write_safetensors(const std::string& path, const TensorMap& tensors,
                       const std::map<std::string, std::string>& metadata) {
  std::vector<TensorMap::Entry> sorted;
  for (const auto& [name, tensor] : tensors) sorted.emplace_back(name, tensor.detach().cpu().contiguous());
  std::stable_sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) {
    return a.second.element_size() > b.second.element_size();
  });
  TensorMap ordered;
  for (auto& [name, tensor] : sorted) ordered.set(name, tensor);

  const std::string header = header_of(ordered, metadata, path);
  OutputFile file(path);
  const uint64_t length = header.size();
  file.write(&length, 8);
  file.write(header.data(), header.size());
  for (const auto& [name, tensor] : ordered) file.write(tensor.const_data_ptr(), tensor.nbytes());
  file.close();
}

Safetensors read_safetensors(const std::string& path) {
  const auto file = map_file(path);
  uint64_t data_begin = 0;
  const Json header = read_header(*file, path, data_begin);
  Safetensors result;
  std::vector<Entry> entries;
  for (const auto& [name, value] : header.items()) {
    if (name != "__metadata__") {
      entries.push_back(parse_entry(name, value, path));
      continue;
    }
    if (!value.is_object()) throw Error({path, "__metadata__ is not a JSON object"});
    for (const auto& [key, text_value] : value.items())
      if (text_value.is_string()) result.metadata[key] = text_value;
  }
  check_layout(entries, file->size - data_begin, path);
  for (const Entry& entry : entries) result.tensors.set(entry.name, make_view(entry, file, data_begin));
  return result;
}

}  // namespace athanor
