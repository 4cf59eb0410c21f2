// Unigram: the segmentation with the greatest sum of scores, by Viterbi over the ends of tokens. Sums are
// doubles, as in the `tokenizers` library; neighbouring unknown characters are one token.
#include <algorithm>
#include <limits>

#include "data/text/model.h"
#include "data/text/unicode.h"
#include "src/core/error.h"

namespace athanor {
namespace {

constexpr double kUnknownPenalty = 10;

class Unigram : public TokenModel {
 public:
  Unigram(Vocabulary vocabulary, std::vector<double> scores, const UnigramRules& rules,
          const std::string& where)
      : TokenModel(std::move(vocabulary)), scores_(std::move(scores)), unknown_(rules.unknown_id) {
    if (unknown_ != Vocabulary::kNone && (unknown_ < 0 || unknown_ >= vocabulary_.ids()))
      throw Error({where + ".unk_id", "is not in the vocabulary", "", std::to_string(unknown_)});
    double least = std::numeric_limits<double>::infinity();
    for (const double score : scores_) least = std::min(least, score);
    unknown_score_ = least - kUnknownPenalty;
    if (rules.byte_fallback) byte_ids_ = byte_ids(vocabulary_);
  }

  void tokenize(std::string_view word, ModelMemory& memory, std::vector<int32_t>& ids) const override {
    find_best(word, memory);
    const size_t before = ids.size();
    for (auto end = static_cast<int32_t>(word.size()); end > 0;) {
      const ModelMemory::Best& best = memory.best[static_cast<size_t>(end)];
      int32_t begin = best.begin;
      if (best.id != unknown_) {
        ids.push_back(best.id);
      } else {
        while (begin > 0 && memory.best[static_cast<size_t>(begin)].id == unknown_)
          begin = memory.best[static_cast<size_t>(begin)].begin;
        add_unknown(word.substr(static_cast<size_t>(begin), static_cast<size_t>(end - begin)), ids);
      }
      end = begin;
    }
    std::reverse(ids.begin() + static_cast<int64_t>(before), ids.end());
  }

 private:
  void find_best(std::string_view word, ModelMemory& memory) const {
    const Trie& trie = vocabulary_.trie();
    memory.best.assign(word.size() + 1, {0, -1, -1});
    ModelMemory::Best* best = memory.best.data();
    for (size_t begin = 0; begin < word.size();) {
      size_t behind = begin;
      decode(word, behind);
      const double before = best[begin].score;
      const auto offer = [&](size_t end, int32_t id, double score) {
        if (best[end].begin == -1 || score > best[end].score)
          best[end] = {score, id, static_cast<int32_t>(begin)};
      };
      bool has_single = false;
      uint32_t node = Trie::kRoot;
      for (size_t at = begin; at < word.size() && trie.step(node, static_cast<unsigned char>(word[at]));
           ++at) {
        const int32_t id = trie.value(node);
        if (id == Trie::kNone) continue;
        offer(at + 1, id, scores_[static_cast<size_t>(id)] + before);
        has_single = has_single || at + 1 == behind;
      }
      if (!has_single) {
        if (unknown_ == Vocabulary::kNone && best[behind].begin == -1)
          fail(word.substr(begin, behind - begin));
        if (unknown_ != Vocabulary::kNone) offer(behind, unknown_, unknown_score_ + before);
      }
      begin = behind;
    }
  }

  [[noreturn]] static void fail(std::string_view character) {
    throw Error({"tokenizer", "a text has the character '" + std::string(character) +
                                  "', which the Unigram model does not know, and the model has no unk_id"});
  }

  // In reverse, as all ids are collected from the end.
  void add_unknown(std::string_view text, std::vector<int32_t>& ids) const {
    const int32_t known = vocabulary_.find(text);
    const auto id_of = [&](char byte) { return byte_ids_[static_cast<unsigned char>(byte)]; };
    const bool bytes =
        known == Vocabulary::kNone && !byte_ids_.empty() &&
        std::none_of(text.begin(), text.end(), [&](char byte) { return id_of(byte) == Vocabulary::kNone; });
    if (!bytes) return ids.push_back(known != Vocabulary::kNone ? known : unknown_);
    for (size_t i = text.size(); i-- > 0;) ids.push_back(id_of(text[i]));
  }

  std::vector<double> scores_;
  int32_t unknown_;
  double unknown_score_ = 0;
  std::vector<int32_t> byte_ids_;
};

}  // namespace

std::unique_ptr<TokenModel> make_unigram(Vocabulary vocabulary, std::vector<double> scores,
                                         const UnigramRules& rules, const std::string& where) {
  return std::make_unique<Unigram>(std::move(vocabulary), std::move(scores), rules, where);
}

}  // namespace athanor
