// Files of texts: .txt with one a line, or .jsonl with objects {"text": …, "pair": …} of which the pair may
// be absent.
#pragma once

#include <cstdint>
#include <fstream>
#include <optional>
#include <string>

namespace athanor {

struct TextLine {
  std::string text;
  std::optional<std::string> pair = {};
};

class TextFile {
 public:
  // What of a .jsonl is no UTF-8 is replaced by U+FFFD, unless `refuse_invalid_utf8`; a .txt is passed on as
  // it is. Throws Error.
  TextFile(const std::string& path, bool refuse_invalid_utf8);
  // Empty behind the last line. Throws Error with the number of a line that is no such object.
  std::optional<TextLine> next();
  int64_t line() const { return line_; }

 private:
  TextLine parse(const std::string& bytes) const;
  std::string path_;
  std::ifstream in_;
  bool is_json_, refuse_invalid_;
  int64_t line_ = 0;
};

}  // namespace athanor
