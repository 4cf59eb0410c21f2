// The golden tokenizers and texts of scripts/golden/make_tokenizers.py, and folders of a test's own.
#pragma once

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "data/text/text_file.h"
#include "data/text/tokenizer.h"
#include "src/core/files.h"

namespace athanor::testing {

using Ids = std::vector<int32_t>;

inline std::string golden_text(const std::string& name) {
  return std::string(ATHANOR_SOURCE_DIR "/tests/data/text/golden/") + name;
}

inline std::vector<TextLine> golden_texts() {
  TextFile file(golden_text("texts.jsonl"), false);
  std::vector<TextLine> lines;
  while (auto line = file.next()) lines.push_back(std::move(*line));
  return lines;
}

inline std::vector<Ids> golden_ids(const std::string& name) {
  std::ifstream in(golden_text(name + ".ids"));
  std::vector<Ids> out;
  for (std::string line; std::getline(in, line);) out.push_back(nlohmann::json::parse(line).get<Ids>());
  return out;
}

// A folder that is gone with the test.
class TextFolder {
 public:
  TextFolder()
      : path_(std::filesystem::temp_directory_path() / ("athanor_text_" + std::to_string(::getpid()))) {
    std::filesystem::remove_all(path_);
    std::filesystem::create_directories(path_);
  }
  ~TextFolder() { std::filesystem::remove_all(path_); }
  TextFolder(const TextFolder&) = delete;
  TextFolder& operator=(const TextFolder&) = delete;
  std::string write(const std::string& name, const std::string& bytes) const {
    std::ofstream(path_ / name, std::ios::binary) << bytes;
    return (path_ / name).string();
  }
  std::string path() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

}  // namespace athanor::testing
