// SentencePiece models (Kudo and Richardson 2018): a reader of their protobuf file, and Unigram and BPE with
// the sums and ties of SentencePiece 0.2. Left out: sampling, models of words and characters, unused pieces
// of BPE models.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "data/text/text_encoder.h"
#include "data/text/tokenizer.h"

namespace athanor {

struct SentencePieceFile {
  enum class Type { kNormal = 1, kUnknown = 2, kControl = 3, kUserDefined = 4, kUnused = 5, kByte = 6 };
  struct Piece {
    std::string text;
    float score = 0;
    Type type = Type::kNormal;
  };
  std::vector<Piece> pieces;
  int64_t model_type = 1;  // 1: Unigram, 2: BPE
  bool byte_fallback = false, whitespace_as_suffix = false;
  int64_t unknown_id = 0, begin_id = 1, end_id = 2, pad_id = -1;
  std::string charsmap;
  bool dummy_prefix = true, remove_extra_whitespaces = true, escape_whitespaces = true;
};

// Throws Error at `where` for bytes that are no such file, and for what is not supported.
SentencePieceFile parse_sentence_piece(std::string_view bytes, const std::string& where);

// What a model does beside its .model file.
enum class SentencePieceRules {
  kPlain,   // the file alone: no special tokens
  kSiglip,  // lower case, no ASCII punctuation, spaces folded, </s> behind; cut off at 64, padded with 1 to
            // 64
  kXlmR,    // ids moved by one, <s> A </s> and <s> A </s></s> B </s>
};

// Special tokens in the text ("</s>") are text. Throws Error at `where`.
TokenizerParts make_sentence_piece(SentencePieceFile file, SentencePieceRules rules,
                                   const std::string& where);

}  // namespace athanor
