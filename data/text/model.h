// Words to token ids: WordPiece (Wu et al. 2016), byte-pair encoding (Sennrich et al. 2016) and Unigram (Kudo
// 2018), with the rules of the `tokenizers` library 0.23. Left out: sampling (BPE dropout, Unigram's n best).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "data/text/trie.h"

namespace athanor {

class Vocabulary {
 public:
  static constexpr int32_t kNone = Trie::kNone;
  struct Entry {
    std::string token;
    int32_t id = 0;
  };
  Vocabulary() = default;
  // Of equal tokens the last counts. Throws Error at `where` for an id that leaves most ids below it without
  // a token.
  Vocabulary(const std::vector<Entry>& entries, const std::string& where);
  int32_t find(std::string_view token) const { return trie_.find(token); }
  // Throws Error at `where` where it is unknown.
  int32_t get(std::string_view token, const std::string& where) const;
  const std::string& token(int32_t id) const { return tokens_[static_cast<size_t>(id)]; }
  int64_t ids() const { return static_cast<int64_t>(tokens_.size()); }  // the largest one + 1
  int64_t tokens() const { return count_; }
  const Trie& trie() const { return trie_; }

 private:
  std::vector<std::string> tokens_;
  Trie trie_;
  int64_t count_ = 0;
};

// Memory that a thread keeps from word to word.
struct ModelMemory {
  struct Symbol {
    int32_t id, previous, next;
  };
  struct Merge {
    uint32_t rank, position;
    int32_t id;
  };
  struct Best {
    double score;
    int32_t id, begin;
  };
  std::vector<Symbol> symbols;
  std::vector<Merge> merges;
  std::vector<Best> best;
  std::vector<int32_t> path;
  std::string text;
};

class TokenModel {
 public:
  explicit TokenModel(Vocabulary vocabulary) : vocabulary_(std::move(vocabulary)) {}
  virtual ~TokenModel() = default;
  // Appends the ids of a word of at least one byte, valid UTF-8. Throws Error for a character that the model
  // cannot express where it has no token for the unknown.
  virtual void tokenize(std::string_view word, ModelMemory& memory, std::vector<int32_t>& ids) const = 0;
  // Whether a word takes so long that its ids are worth remembering.
  virtual bool is_slow() const { return false; }
  const Vocabulary& vocabulary() const { return vocabulary_; }

 protected:
  Vocabulary vocabulary_;
};

struct WordPieceRules {
  std::string unknown = "[UNK]", prefix = "##";
  int64_t longest_word = 100;  // characters
};
struct BpeRules {
  std::string unknown, prefix, suffix;  // "": none
  bool fuse_unknown = false, byte_fallback = false, ignore_merges = false;
};
struct UnigramRules {
  int32_t unknown_id = Vocabulary::kNone;
  bool byte_fallback = false;
};
using Merges = std::vector<std::pair<std::string, std::string>>;

// Each throws Error at `where` for what does not fit together.
std::unique_ptr<TokenModel> make_word_piece(Vocabulary vocabulary, const WordPieceRules& rules,
                                            const std::string& where);
std::unique_ptr<TokenModel> make_bpe(Vocabulary vocabulary, const Merges& merges, const BpeRules& rules,
                                     const std::string& where);
std::unique_ptr<TokenModel> make_unigram(Vocabulary vocabulary, std::vector<double> scores,
                                         const UnigramRules& rules, const std::string& where);

// "<0x0A>", the token of a byte where others are missing.
std::string byte_token(unsigned char byte);
// The ids of all of them, or none.
std::vector<int32_t> byte_ids(const Vocabulary& vocabulary);

}  // namespace athanor
