// How a normalised text is split into the words that the model sees: the pre-tokenizers of tokenizer.json,
// with the rules of the `tokenizers` library.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "data/text/json_node.h"

namespace athanor {

// A text and the words in it; an added token among them has its id.
struct Words {
  struct Word {
    uint32_t begin = 0, end = 0;
    int32_t token = -1;
    bool at_start = false;  // it began the whole text
  };
  std::string text;
  std::vector<Word> list;
  std::string_view of(const Word& word) const {
    return std::string_view(text).substr(word.begin, word.end - word.begin);
  }
};

class PreTokenizer {
 public:
  virtual ~PreTokenizer() = default;
  // Rewrites `words`; `spare` is memory to write to.
  virtual void apply(Words& words, Words& spare) const = 0;
  // Whether it always begins a new word at a space (or what replaced it) behind a character that is visible,
  // and looks at nothing beyond: then the text may be split in parts that begin there.
  virtual bool cuts_at_spaces() const { return false; }
};

// Throws Error for a pre-tokenizer or a setting that is not supported, with its place.
std::unique_ptr<PreTokenizer> read_pre_tokenizer(const JsonNode& node);

}  // namespace athanor
