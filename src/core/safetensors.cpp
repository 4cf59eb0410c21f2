// Writing tensors sorted by item size, so that each is aligned to its own type; reading by mmap.
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
#include "src/core/safetensors_header.h"
#include "src/core/text.h"

namespace athanor {
namespace {

using Json = nlohmann::ordered_json;

// Of kSafetensorsTypes.
constexpr at::ScalarType kTypes[] = {at::kDouble,   at::kLong, at::kFloat, at::kInt,
                                     at::kBFloat16, at::kHalf, at::kByte,  at::kBool};
static_assert(std::size(kTypes) == std::size(kSafetensorsTypes));

const char* type_name(at::ScalarType type, const std::string& where) {
  for (size_t i = 0; i < std::size(kTypes); ++i)
    if (kTypes[i] == type) return kSafetensorsTypes[i].name;
  throw Error({where, "this type cannot be stored", "F64, I64, F32, I32, BF16, F16, U8 or BOOL",
               c10::toString(type)});
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

at::Tensor make_view(const SafetensorsEntry& entry, const std::shared_ptr<Mapping>& file) {
  char* bytes = file->bytes + entry.begin;
  const auto options = at::TensorOptions().dtype(kTypes[entry.type]);
  if (reinterpret_cast<uintptr_t>(bytes) % kSafetensorsTypes[entry.type].bytes == 0)
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
  SafetensorsHeader header = parse_safetensors_header({file->bytes, file->size}, path);
  Safetensors result{.tensors = {}, .metadata = std::move(header.metadata)};
  for (const SafetensorsEntry& entry : header.entries) result.tensors.set(entry.name, make_view(entry, file));
  return result;
}

}  // namespace athanor
