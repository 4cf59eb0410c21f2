// Whole-or-nothing files: temporary name, fsync of data and folder, rename.
#include "src/core/files.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "src/core/error.h"
#include "src/core/raw_file.h"
#include "src/core/text.h"

namespace athanor {

namespace fs = std::filesystem;

namespace {

constexpr const char* kCannotRead = "cannot read";

[[noreturn]] void fail(const std::string& path, const std::string& what) {
  if (errno == ENOENT && what != kCannotRead)
    throw Error({path, what + ": " + system_reason(), "", "", "does its folder exist?"});
  throw_system_error(path, what, "nothing was replaced");
}

fs::path parent_of(const std::string& path) {
  const fs::path parent = fs::path(path).parent_path();
  return parent.empty() ? fs::path(".") : parent;
}

}  // namespace

std::string system_reason() { return std::strerror(errno); }

AtomicPath::AtomicPath(std::string target) : target_(std::move(target)) {
  while (target_.size() > 1 && target_.back() == '/') target_.pop_back();
  std::error_code unknown;
  const fs::file_status there = fs::status(target_, unknown);
  if (fs::exists(there) && !fs::is_regular_file(there) && !fs::is_directory(there))
    throw usage_error({target_, "is a device or a pipe, and would be replaced by a file", "a file", "", ""});
  path_ = text(target_, ".tmp-", ::getpid());
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

AtomicPath::~AtomicPath() {
  std::error_code ignored;
  if (!committed_) fs::remove_all(path_, ignored);
}

void AtomicPath::create_directory() {
  std::error_code failed;
  fs::create_directory(path_, failed);
  if (failed) {
    errno = failed.value();
    fail(path_, "cannot create the folder");
  }
}

void AtomicPath::commit() {
  if (fs::is_directory(path_))
    for (const auto& entry : fs::recursive_directory_iterator(path_)) sync_path(entry.path());
  sync_path(path_);
  if (::rename(path_.c_str(), target_.c_str()) != 0) fail(target_, "cannot rename into place");
  committed_ = true;
  sync_path(parent_of(target_));
}

void write_file_atomically(const std::string& path, std::string_view bytes) {
  AtomicPath temporary(path);
  const int fd = ::open(temporary.path().c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0) fail(path, "cannot write");
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) {
      const int code = errno;
      ::close(fd);
      errno = code;
      fail(path, "cannot write");
    }
    bytes.remove_prefix(written);
  }
  if (::close(fd) != 0) fail(path, "cannot write");
  temporary.commit();
}

std::string read_file(const std::string& path) {
  errno = 0;
  std::ifstream in(path, std::ios::binary);
  const bool directory = fs::is_directory(path);
  if (directory) errno = EISDIR;
  if (!in || directory) fail(path, kCannotRead);
  std::ostringstream content;
  content << in.rdbuf();
  if (in.bad()) fail(path, kCannotRead);
  return content.str();
}

void replace_symlink(const std::string& target, const std::string& link) {
  const std::string temporary = text(link, ".tmp-", ::getpid());
  ::unlink(temporary.c_str());
  if (::symlink(target.c_str(), temporary.c_str()) != 0) fail(link, "cannot make the link");
  if (::rename(temporary.c_str(), link.c_str()) != 0) fail(link, "cannot rename into place");
  sync_path(parent_of(link));
}

}  // namespace athanor
