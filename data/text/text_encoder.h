// The face of what turns a text into ids, before special tokens, truncation and padding; and the memory that
// a thread keeps from text to text.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "data/text/added_tokens.h"
#include "data/text/chunk_cache.h"
#include "data/text/model.h"
#include "data/text/normalizer.h"
#include "data/text/pre_tokenizer.h"

namespace athanor {

struct TextMemory {
  NormalText normal;
  Words words, spare;
  std::vector<TokenFinder::Part> parts, inner_parts;
  ModelMemory model;
  ChunkCache chunks;
  std::vector<int32_t> sequences[2];
  std::string text;
};

class TextEncoder {
 public:
  static constexpr size_t kNoLimit = ~size_t{0};
  virtual ~TextEncoder() = default;
  // Appends the ids of `text`, valid UTF-8. Behind `limit` ids of its own it may stop.
  virtual void encode(std::string_view text, size_t limit, TextMemory& memory,
                      std::vector<int32_t>& ids) const = 0;
  virtual const Vocabulary& vocabulary() const = 0;
  virtual bool uses_chunks() const { return false; }
};

}  // namespace athanor
