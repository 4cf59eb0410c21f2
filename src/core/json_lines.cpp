#include "src/core/json_lines.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <nlohmann/json.hpp>
#include <utility>

#include "src/core/error.h"
#include "src/core/files.h"
#include "src/core/text.h"

namespace athanor {

JsonLines::JsonLines(std::string path) : path_(std::move(path)) { open(); }

JsonLines::~JsonLines() { close(); }

void JsonLines::open() {
  fd_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (fd_ < 0) throw Error({.where = path_, .what = "cannot open the metrics file: " + system_reason()});
  const std::string bytes = read_file(path_);
  const size_t last_newline = bytes.rfind('\n');
  const size_t whole = last_newline == std::string::npos ? 0 : last_newline + 1;
  size_bytes_ = static_cast<int64_t>(bytes.size());
  if (whole != bytes.size()) truncate(static_cast<int64_t>(whole));
}

void JsonLines::close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

void JsonLines::append(const nlohmann::ordered_json& object) {
  const std::string line =
      object.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
  ssize_t written = 0;
  do {
    errno = 0;
    written = ::write(fd_, line.data(), line.size());
  } while (written < 0 && errno == EINTR);
  if (written == static_cast<ssize_t>(line.size())) {
    size_bytes_ += written;
    return;
  }
  // A short write means that the device took only a part: the next write would tell why, and it is full.
  if (errno == 0) errno = ENOSPC;
  const std::string reason = system_reason();
  if (written > 0 && ::ftruncate(fd_, size_bytes_) != 0) size_bytes_ += written;
  throw Error(
      {.where = path_, .what = "cannot write metrics: " + reason, .hint = "free some space and resume"});
}

void JsonLines::truncate(int64_t bytes) {
  if (bytes > size_bytes_)
    throw Error({.where = path_,
                 .what = "the metrics file is shorter than the checkpoint remembers",
                 .expected = text("at least ", bytes, " bytes"),
                 .got = text(size_bytes_)});
  if (::ftruncate(fd_, bytes) != 0)
    throw Error({.where = path_, .what = "cannot shorten the metrics file: " + system_reason()});
  size_bytes_ = bytes;
}

void JsonLines::drop_after_step(int64_t step) {
  const std::string bytes = read_file(path_);
  std::string kept;
  for (size_t begin = 0; begin < bytes.size();) {
    const size_t end = bytes.find('\n', begin) + 1;
    const auto object =
        nlohmann::ordered_json::parse(bytes.begin() + begin, bytes.begin() + end, nullptr, false);
    if (object.is_discarded())
      throw Error({.where = path_, .what = "a line is not JSON", .got = bytes.substr(begin, 40)});
    if (!object.is_object() || !object.contains("step") || object["step"] <= step)
      kept.append(bytes, begin, end - begin);
    begin = end;
  }
  if (kept.size() == bytes.size()) return;
  close();
  write_file_atomically(path_, kept);
  open();
}

}  // namespace athanor
