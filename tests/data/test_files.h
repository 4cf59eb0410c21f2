// The golden files, and files that a test makes and leaves none of.
#pragma once

#include <filesystem>
#include <string>

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

 private:
  std::filesystem::path path_;
};

}  // namespace athanor
