// WordPiece: the longest token first, from the left; a word that does not come out even is unknown as a
// whole.
#include "data/text/model.h"
#include "data/text/unicode.h"
#include "src/core/error.h"

namespace athanor {
namespace {

class WordPiece : public TokenModel {
 public:
  WordPiece(Vocabulary vocabulary, const WordPieceRules& rules, const std::string& where)
      : TokenModel(std::move(vocabulary)),
        unknown_(vocabulary_.get(rules.unknown, where + ".unk_token")),
        longest_word_(rules.longest_word) {
    continues_ = vocabulary_.trie().step(inner_root_, rules.prefix);
  }

  void tokenize(std::string_view word, ModelMemory& memory, std::vector<int32_t>& ids) const override {
    const size_t before = ids.size();
    if (too_long(word)) return ids.push_back(unknown_);
    const Trie& trie = vocabulary_.trie();
    for (size_t begin = 0; begin < word.size();) {
      uint32_t node = begin == 0 ? Trie::kRoot : inner_root_;
      int32_t id = Trie::kNone;
      size_t end = begin;
      for (size_t at = begin; (begin == 0 || continues_) && at < word.size(); ++at) {
        if (!trie.step(node, static_cast<unsigned char>(word[at]))) break;
        if (trie.value(node) == Trie::kNone) continue;
        id = trie.value(node);
        end = at + 1;
      }
      if (id == Trie::kNone) {
        ids.resize(before);
        return ids.push_back(unknown_);
      }
      ids.push_back(id);
      begin = end;
    }
  }

 private:
  bool too_long(std::string_view word) const {
    if (static_cast<int64_t>(word.size()) <= longest_word_) return false;
    int64_t characters = 0;
    for (const char byte : word) characters += (static_cast<unsigned char>(byte) & 0xC0) != 0x80;
    return characters > longest_word_;
  }

  int32_t unknown_;
  int64_t longest_word_;
  uint32_t inner_root_ = Trie::kRoot;
  bool continues_ = false;  // the vocabulary has tokens with the prefix
};

}  // namespace

std::unique_ptr<TokenModel> make_word_piece(Vocabulary vocabulary, const WordPieceRules& rules,
                                            const std::string& where) {
  return std::make_unique<WordPiece>(std::move(vocabulary), rules, where);
}

}  // namespace athanor
