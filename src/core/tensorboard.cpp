#include "src/core/tensorboard.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>

#include "src/core/error.h"
#include "src/core/files.h"
#include "src/core/text.h"

namespace athanor {
namespace {

// Field numbers of event.proto and summary.proto.
constexpr int kEventWallTime = 1, kEventStep = 2, kEventFileVersion = 3, kEventSummary = 5,
              kEventSessionLog = 7;
constexpr int kSummaryValue = 1, kValueTag = 1, kValueSimple = 2, kValueTensor = 8, kValueMetadata = 9;
constexpr int kMetadataPlugin = 1, kPluginName = 1;
constexpr int kTensorDtype = 1, kTensorShape = 2, kTensorStringVal = 8, kShapeDim = 2, kDimSize = 1;
constexpr uint64_t kDtString = 7;
constexpr int kSessionStatus = 1;
constexpr uint64_t kSessionStart = 1;

std::array<uint32_t, 256> crc_table() {
  std::array<uint32_t, 256> table{};
  for (uint32_t byte = 0; byte < 256; ++byte) {
    uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) ? 0x82F63B78u : 0u);
    table[byte] = crc;
  }
  return table;
}

template <class T>
void put_raw(std::string& out, T value) {  // little-endian, as are all machines that LibTorch runs on
  char bytes[sizeof(T)];
  std::memcpy(bytes, &value, sizeof(T));
  out.append(bytes, sizeof(T));
}

void put_varint(std::string& out, uint64_t value) {
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<char>(value | 0x80));
  out.push_back(static_cast<char>(value));
}

void put_int(std::string& out, int field, uint64_t value) {
  put_varint(out, static_cast<uint64_t>(field) << 3);
  put_varint(out, value);
}

void put_double(std::string& out, int field, double value) {
  put_varint(out, (static_cast<uint64_t>(field) << 3) | 1);
  put_raw(out, value);
}

void put_float(std::string& out, int field, float value) {
  put_varint(out, (static_cast<uint64_t>(field) << 3) | 5);
  put_raw(out, value);
}

void put_bytes(std::string& out, int field, std::string_view bytes) {
  put_varint(out, (static_cast<uint64_t>(field) << 3) | 2);
  put_varint(out, bytes.size());
  out.append(bytes);
}

std::string message(int field, std::string_view bytes) {
  std::string out;
  put_bytes(out, field, bytes);
  return out;
}

uint32_t masked_crc(std::string_view bytes) {
  const uint32_t crc = crc32c(bytes);
  return ((crc >> 15) | (crc << 17)) + 0xA282EAD8u;
}

double unix_time_s() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

// events.out.tfevents.<seconds>.<host>.<pid>.<count>: readers take the files of a folder in the order of
// their names.
std::string file_name() {
  static std::atomic<int> count{0};
  char host[256] = "host";
  ::gethostname(host, sizeof(host) - 1);
  const auto seconds = std::to_string(static_cast<int64_t>(unix_time_s()));
  return athanor::text("events.out.tfevents.", std::string(10 - std::min<size_t>(10, seconds.size()), '0'),
                       seconds, ".", host, ".", ::getpid(), ".", count++);
}

}  // namespace

uint32_t crc32c(std::string_view bytes) {
  static const std::array<uint32_t, 256> table = crc_table();
  uint32_t crc = ~0u;
  for (const char c : bytes) crc = table[(crc ^ static_cast<unsigned char>(c)) & 0xFF] ^ (crc >> 8);
  return ~crc;
}

TensorBoardWriter::TensorBoardWriter(const std::string& directory, int64_t purge_step) {
  std::error_code failed;
  std::filesystem::create_directories(directory, failed);
  if (failed)
    throw Error(
        {.where = directory, .what = "cannot make the folder of TensorBoard events: " + failed.message()});
  path_ = directory + "/" + file_name();
  fd_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (fd_ < 0)
    throw Error({.where = path_, .what = "cannot open the TensorBoard events file: " + system_reason()});
  add_event(0, message(kEventFileVersion, "brain.Event:2"));
  if (purge_step > 0) {
    std::string start;
    put_int(start, kSessionStatus, kSessionStart);
    add_event(purge_step, message(kEventSessionLog, start));
  }
  flush();
}

TensorBoardWriter::~TensorBoardWriter() {
  try {
    flush();
  } catch (const Error&) {
    buffer_.clear();
  }
  if (fd_ >= 0) ::close(fd_);
}

void TensorBoardWriter::scalar(std::string_view tag, double value, int64_t step) {
  std::string entry;
  put_bytes(entry, kValueTag, tag);
  put_float(entry, kValueSimple, static_cast<float>(value));
  add_event(step, message(kEventSummary, message(kSummaryValue, entry)));
}

void TensorBoardWriter::text(std::string_view tag, std::string_view markdown, int64_t step) {
  std::string size, tensor;
  put_int(size, kDimSize, 1);
  put_int(tensor, kTensorDtype, kDtString);
  put_bytes(tensor, kTensorShape, message(kShapeDim, size));
  put_bytes(tensor, kTensorStringVal, markdown);
  std::string entry;
  put_bytes(entry, kValueTag, athanor::text(tag, "/text_summary"));
  put_bytes(entry, kValueTensor, tensor);
  put_bytes(entry, kValueMetadata, message(kMetadataPlugin, message(kPluginName, "text")));
  add_event(step, message(kEventSummary, message(kSummaryValue, entry)));
}

void TensorBoardWriter::add_event(int64_t step, std::string_view payload) {
  std::string event;
  put_double(event, kEventWallTime, unix_time_s());
  if (step != 0) put_int(event, kEventStep, static_cast<uint64_t>(step));
  event.append(payload);
  std::string length;
  put_raw(length, static_cast<uint64_t>(event.size()));
  buffer_.append(length);
  put_raw(buffer_, masked_crc(length));
  buffer_.append(event);
  put_raw(buffer_, masked_crc(event));
}

void TensorBoardWriter::flush() {
  while (!buffer_.empty()) {
    errno = 0;
    const ssize_t written = ::write(fd_, buffer_.data(), buffer_.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) {
      const std::string reason = system_reason();
      buffer_.clear();
      throw Error({.where = path_,
                   .what = "cannot write TensorBoard events: " + reason,
                   .hint = "free some space and resume"});
    }
    buffer_.erase(0, static_cast<size_t>(written));
  }
}

}  // namespace athanor
