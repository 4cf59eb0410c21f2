// A file that is read and written at places of one's own choosing, kept open, and synced when it must last:
// what results that are made over hours are kept in. POSIX calls, whole: they go on where the system stops
// short.
#pragma once

#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <string>

namespace athanor {

// Every call throws Error with the path and the system's reason, and what to do where the disk is full.
class RawFile {
 public:
  // For reading and writing; `create`: makes it if it is not there.
  explicit RawFile(std::string path, bool create = false);
  ~RawFile();
  RawFile(const RawFile&) = delete;
  RawFile& operator=(const RawFile&) = delete;

  const std::string& path() const { return path_; }
  int64_t size_bytes() const;
  // At offset `at`. Several threads may write different places at once.
  void write(int64_t at, const void* data, size_t size);
  // Behind the last byte. A kill may leave a part of it.
  void append(const void* data, size_t size) { write(size_bytes(), data, size); }
  void append(const std::string& bytes) { append(bytes.data(), bytes.size()); }
  // Throws Error too where the file ends before at + size.
  void read(int64_t at, void* data, size_t size) const;
  // Cuts off what is behind, or fills up with zeros.
  void resize(int64_t size_bytes);
  // Until this object or its process ends, no other may claim the file. Throws usage Error: another one has.
  void claim();
  // Returns when what was written is on the disk.
  void sync();

 private:
  [[noreturn]] void fail(const std::string& what) const;
  std::string path_;
  int fd_;
};

// Returns when the file's bytes, the folder's own entries or (with ::syncfs) all of its file system are on
// the disk.
void sync_path(const std::string& path, int (*how)(int) = ::fsync);

// "path: what: No such file or directory" of the current errno; where that says that the disk is full, or the
// file as large as is allowed, with a hint that ends in `then`.
[[noreturn]] void throw_system_error(const std::string& path, const std::string& what,
                                     const std::string& then);

}  // namespace athanor
