// The golden files, files that a test makes and leaves none of, messages of errors.
#pragma once

#include <filesystem>
#include <string>

#include "src/core/error.h"

namespace athanor {

inline std::string golden(const std::string& name) {
  return std::string(ATHANOR_SOURCE_DIR) + "/tests/data/golden/" + name;
}

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "athanor-XXXXXX").string();
    path_ = mkdtemp(pattern.data());
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  std::string file(const std::string& name) const { return (path_ / name).string(); }
  bool empty() const { return std::filesystem::is_empty(path_); }

 private:
  std::filesystem::path path_;
};

// The message of the Error that `action` throws, "" where it throws none.
template <class Action>
std::string error_of(const Action& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

}  // namespace athanor
