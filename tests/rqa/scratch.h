// A folder of a test's own, removed at its end.
#pragma once

#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <string>

class Scratch {
 public:
  Scratch() { std::filesystem::create_directories(path_); }
  ~Scratch() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  const std::string& path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  static int next() {
    static std::atomic<int> count{0};
    return count++;
  }
  std::string path_ = std::filesystem::temp_directory_path() /
                      ("athanor_rqa_" + std::to_string(::getpid()) + "_" + std::to_string(next()));
};
