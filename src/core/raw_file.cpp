#include "src/core/raw_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <cerrno>

#include "src/core/error.h"
#include "src/core/files.h"

namespace athanor {

RawFile::RawFile(std::string path, bool create)
    : path_(std::move(path)), fd_(::open(path_.c_str(), O_RDWR | O_CLOEXEC | (create ? O_CREAT : 0), 0644)) {
  if (fd_ < 0) fail("cannot open");
}

RawFile::~RawFile() { ::close(fd_); }

int64_t RawFile::size_bytes() const {
  struct stat status {};
  if (::fstat(fd_, &status) != 0) fail("cannot read");
  return status.st_size;
}

void RawFile::write(int64_t at, const void* data, size_t size) {
  const char* next = static_cast<const char*>(data);
  while (size > 0) {
    const ssize_t written = ::pwrite(fd_, next, size, at);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail("cannot write");
    next += written, at += written, size -= static_cast<size_t>(written);
  }
}

void RawFile::read(int64_t at, void* data, size_t size) const {
  char* next = static_cast<char*>(data);
  while (size > 0) {
    const ssize_t got = ::pread(fd_, next, size, at);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail("cannot read");
    if (got == 0) throw Error({path_, "ends too early", "", "", "was it cut off?"});
    next += got, at += got, size -= static_cast<size_t>(got);
  }
}

void RawFile::resize(int64_t size_bytes) {
  if (::ftruncate(fd_, size_bytes) != 0) fail("cannot write");
}

void RawFile::claim() {
  if (::flock(fd_, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
    throw usage_error({path_, "another process is at work on it", "", "", "wait for it, or end it"});
}

void RawFile::sync() {
  if (::fdatasync(fd_) != 0) fail("cannot write to disk");
}

void RawFile::fail(const std::string& what) const {
  throw_system_error(path_, what, "then go on with --resume");
}

void sync_path(const std::string& path, int (*how)(int)) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  const int failed = fd < 0 ? fd : how(fd);
  const int reason = errno;
  if (fd >= 0) ::close(fd);
  errno = reason;
  if (failed != 0) throw_system_error(path, "cannot write to disk", "nothing was replaced");
}

void throw_system_error(const std::string& path, const std::string& what, const std::string& then) {
  const char* full = errno == ENOSPC   ? "free some space; "
                     : errno == EDQUOT ? "your share of the disk is full; "
                     : errno == EFBIG  ? "the file size limit is reached (ulimit -f); "
                                       : nullptr;
  throw Error({path, what + ": " + system_reason(), "", "", full ? full + then : ""});
}

}  // namespace athanor
