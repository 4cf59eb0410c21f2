// Texts to token ids, from a Hugging Face tokenizer.json or a SentencePiece model, with the ids of the
// `tokenizers` library 0.23 and of SentencePiece. Left out: offsets, decoding, overflowing parts.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace athanor {

class TextEncoder;
class ThreadPool;
struct TextMemory;

enum class Side { kLeft, kRight };

struct Truncation {
  enum class Strategy { kLongestFirst, kOnlyFirst, kOnlySecond };
  int64_t max_length = 0;  // tokens, special ones included; 0: no truncation
  Strategy strategy = Strategy::kLongestFirst;
  Side side = Side::kRight;
};

struct Padding {
  enum class To { kNone, kLongest, kLength };
  To to = To::kNone;
  int64_t length = 0;    // of kLength, tokens
  int64_t multiple = 1;  // lengths are rounded up to one of it
  Side side = Side::kRight;
  int32_t id = 0, type_id = 0;
  std::string token = "[PAD]";
};

// What is absent is as the files say.
struct TokenizerOptions {
  bool special_tokens = true;
  // What is no UTF-8 is an Error, instead of a U+FFFD for each maximal part of it.
  bool refuse_invalid_utf8 = false;
  std::optional<int64_t> max_length = {};  // 0: no truncation
  std::optional<Side> truncation_side = {}, padding_side = {};
  std::optional<Padding::To> padding = {};
  std::optional<int64_t> padding_length = {}, padding_multiple = {};
  // Without it every text takes the plain way as a whole: the same ids, many times slower. For tests.
  bool fast = true;
};

struct TextPair {
  std::string_view text;
  std::optional<std::string_view> pair = {};
};

struct Encoding {
  std::vector<int32_t> ids;
  std::vector<int32_t> type_ids;                      // empty where all are 0
  int64_t attention_begin = 0, attention_length = 0;  // the others are padding
};

// A special token of the post-processor, or a text of the input.
struct TemplatePart {
  int sequence = -1;  // 0 or 1; -1: these ids
  std::vector<int32_t> ids;
  int32_t type_id = 0;
};

struct TokenizerParts {
  std::unique_ptr<TextEncoder> encoder;
  std::vector<TemplatePart> single, pair;
  Truncation truncation;
  Padding padding;
  std::vector<std::pair<int32_t, std::string>> added;  // tokens beside the model's
  std::string kind;                                    // "WordPiece", "BPE", "Unigram", …
};

// Many threads may use one at a time.
class Tokenizer {
 public:
  Tokenizer(TokenizerParts parts, const TokenizerOptions& options);
  ~Tokenizer();

  // Padded to what the padding asks of one text. Throws Error (a text that the model cannot express; a pair
  // too long for its truncation; with refuse_invalid_utf8, what is no UTF-8).
  Encoding encode(const TextPair& input) const;
  // In the order of the inputs, padded together. Throws Error as encode() does.
  std::vector<Encoding> encode_batch(const std::vector<TextPair>& inputs, ThreadPool& pool) const;

  int64_t ids() const;                  // the largest id + 1
  std::string token(int32_t id) const;  // "" where there is none
  const Truncation& truncation() const { return parts_.truncation; }
  const Padding& padding() const { return parts_.padding; }
  const std::string& kind() const { return parts_.kind; }
  bool is_fast() const;  // short pieces of text are remembered

 private:
  class Borrowed;
  struct Shelf;
  Encoding encode(const TextPair& input, TextMemory& memory) const;
  void encode_into(const TextPair& input, TextMemory& memory, std::vector<int32_t> (&sequences)[2]) const;
  std::string_view checked(std::string_view text, std::string& memory) const;
  void truncate_pair(int64_t most, std::vector<int32_t> (&sequences)[2]) const;
  Encoding assembled(const std::vector<TemplatePart>& parts,
                     const std::vector<int32_t> (&sequences)[2]) const;
  void pad(Encoding& encoding, int64_t length) const;
  int64_t padded_length(int64_t longest) const;

  TokenizerParts parts_;
  bool special_tokens_, refuse_invalid_;
  std::unique_ptr<Shelf> shelf_;
};

// `path`: a folder with tokenizer.json, or else spiece.model or sentencepiece.bpe.model; or one of these
// files. The length at which texts are cut off is the smaller one of sentence_bert_config.json's
// max_seq_length and tokenizer_config.json's model_max_length, where the folder has them, else
// tokenizer.json's; where it differs from the latter, padding to just that length becomes padding to the
// longest. Throws Error that names the file, the place in it and what is wrong or not supported there.
std::unique_ptr<Tokenizer> read_tokenizer(const std::string& path, const TokenizerOptions& options = {});

}  // namespace athanor
