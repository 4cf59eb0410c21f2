// What `athanor encode` reads, an input at a time, so that memory does not grow with the file: lines of a
// .txt, objects of a .jsonl (fields text, image), names in a folder of images.
#pragma once

#include <cstdint>
#include <fstream>
#include <string>
#include <vector>

#include "models/encoders/encoder.h"

namespace athanor {

struct EncodeInput {
  std::string text;   // a line without its end
  std::string image;  // a path
  std::string place;  // "texts.txt:12", for messages
};

class InputLines {
 public:
  // texts: .txt or .jsonl; images: a folder, one image, or a list of paths, one a line; pairs: .jsonl, images
  // relative to it. Throws usage Error: no such file, nothing in it.
  InputLines(InputKind kind, const std::string& place);
  // Inputs in all: counted beforehand.
  int64_t size() const { return size_; }
  // Up to `most` more; none at the end. Throws usage Error naming file and line: no JSON object, a field that
  // is missing or no string.
  std::vector<EncodeInput> next(int64_t most);
  // Goes on behind the first `count`.
  void skip(int64_t count);
  // Of the next input, for messages: "texts.txt:12".
  std::string place() const;

 private:
  bool read_line(std::string& line);
  EncodeInput parse(const std::string& line) const;

  InputKind kind_;
  std::string place_, folder_;  // folder_: what paths are relative to
  bool json_ = false;
  std::vector<std::string> files_;  // of a folder
  std::ifstream in_;
  int64_t size_ = 0, done_ = 0;
};

}  // namespace athanor
