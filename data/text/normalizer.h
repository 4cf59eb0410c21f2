// What is done to a text before it is split: the normalizers of tokenizer.json, with the rules of the
// `tokenizers` library.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "data/text/charsmap.h"
#include "data/text/json_node.h"

namespace athanor {

// A text, or a part of one that ends before a space (see chunks.h), on its way through the normalizers.
struct NormalText {
  std::string bytes;
  bool first = true, last = true;  // the part begins and ends what is normalised at a time
  bool at_start = true;            // what now comes first came first in the whole text
  size_t start_chars = 1;          // into how many characters the text's first one has been decomposed
};

class Normalizer {
 public:
  virtual ~Normalizer() = default;
  virtual void apply(NormalText& text) const = 0;
  // Whether a text may be normalised in parts that begin with a space behind another visible character.
  virtual bool in_parts() const { return true; }
  // Whether the result depends on `first` and `last`.
  virtual bool minds_ends() const { return false; }
};

// Throws Error for a normalizer or a setting that is not supported, with its place.
std::unique_ptr<Normalizer> read_normalizer(const JsonNode& node);

// Of ByteLevel: the character that stands for a byte.
void append_byte_char(std::string& out, unsigned char byte);

std::string decode_base64(const std::string& text, const std::string& where);

}  // namespace athanor
