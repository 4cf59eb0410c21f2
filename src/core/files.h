// Files that appear whole or not at all: written under a temporary name beside the target, fsynced, renamed.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace athanor {

// A temporary path beside `target`, renamed over it by commit(); removed if commit() was never reached.
// Works for a file or for a directory (make it with create_directory()).
class AtomicPath {
 public:
  explicit AtomicPath(std::string target);
  ~AtomicPath();
  AtomicPath(const AtomicPath&) = delete;
  AtomicPath& operator=(const AtomicPath&) = delete;
  const std::string& path() const { return path_; }
  void create_directory();
  // fsyncs the file (or every file in the directory), renames, fsyncs the parent. Throws Error (disk full,
  // …).
  void commit();

 private:
  std::string target_;
  std::string path_;
  bool committed_ = false;
};

// Throws Error naming the file and the system's reason.
void write_file_atomically(const std::string& path, std::string_view bytes);
std::string read_file(const std::string& path);
// Makes `link` point to `target` (relative) in one rename.
void replace_symlink(const std::string& target, const std::string& link);
// "No such file or directory" etc. for the current errno.
std::string system_reason();

}  // namespace athanor
