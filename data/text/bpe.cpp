// Byte-pair encoding: of all neighbours the pair with the lowest rank is merged, the leftmost of equals,
// until none has a rank; by a heap, so that a word of n characters takes n log n.
#include <algorithm>

#include "data/text/model.h"
#include "data/text/unicode.h"
#include "src/core/error.h"
#include "src/core/text.h"

namespace athanor {
namespace {

struct MergeRule {
  uint64_t pair = ~0ULL;
  uint32_t rank = 0;
  int32_t id = 0;
};

// Pairs of ids to their merge, open addressing.
class MergeTable {
 public:
  explicit MergeTable(size_t count) {
    size_t slots = 16;
    while (slots < 2 * count) slots *= 2;
    rules_.resize(slots);
  }
  static uint64_t pair_of(int32_t a, int32_t b) {
    return static_cast<uint64_t>(static_cast<uint32_t>(a)) << 32 | static_cast<uint32_t>(b);
  }
  MergeRule& slot(uint64_t pair) { return rules_[place(pair)]; }
  const MergeRule* find(int32_t a, int32_t b) const {
    const uint64_t pair = pair_of(a, b);
    const MergeRule& rule = rules_[place(pair)];
    return rule.pair == pair ? &rule : nullptr;
  }

 private:
  size_t place(uint64_t pair) const {
    const size_t mask = rules_.size() - 1;
    size_t at = (pair * 0x9E3779B97F4A7C15ULL) >> 32 & mask;
    while (rules_[at].pair != pair && rules_[at].pair != ~0ULL) at = (at + 1) & mask;
    return at;
  }
  std::vector<MergeRule> rules_;
};

bool later(const ModelMemory::Merge& a, const ModelMemory::Merge& b) {
  return a.rank != b.rank ? a.rank > b.rank : a.position > b.position;
}

class Bpe : public TokenModel {
 public:
  Bpe(Vocabulary vocabulary, const Merges& merges, const BpeRules& rules, const std::string& where)
      : TokenModel(std::move(vocabulary)), rules_(rules), table_(merges.size()) {
    if (!rules.unknown.empty()) unknown_ = vocabulary_.get(rules.unknown, where + ".unk_token");
    if (rules.byte_fallback) byte_ids_ = byte_ids(vocabulary_);
    for (size_t i = 0; i < merges.size(); ++i) add_merge(merges[i], static_cast<uint32_t>(i), where);
  }

  void tokenize(std::string_view word, ModelMemory& memory, std::vector<int32_t>& ids) const override {
    if (rules_.ignore_merges)
      if (const int32_t id = vocabulary_.find(word); id != Vocabulary::kNone) return ids.push_back(id);
    memory.symbols.clear();
    split(word, memory);
    merge(memory);
    for (int32_t at = memory.symbols.empty() ? -1 : 0; at != -1;
         at = memory.symbols[static_cast<size_t>(at)].next)
      ids.push_back(memory.symbols[static_cast<size_t>(at)].id);
  }

  bool is_slow() const override { return true; }

 private:
  void add_merge(const std::pair<std::string, std::string>& merge, uint32_t rank, const std::string& where) {
    const std::string place = text(where, ".merges[", rank, "]");
    const int32_t a = vocabulary_.get(merge.first, place), b = vocabulary_.get(merge.second, place);
    if (merge.second.size() < rules_.prefix.size())
      throw Error({place, "'" + merge.second + "' is shorter than the prefix '" + rules_.prefix + "'"});
    const int32_t id = vocabulary_.get(merge.first + merge.second.substr(rules_.prefix.size()), place);
    table_.slot(MergeTable::pair_of(a, b)) = {MergeTable::pair_of(a, b), rank, id};
  }

  static void add_symbol(ModelMemory& memory, int32_t id) {
    const auto count = static_cast<int32_t>(memory.symbols.size());
    if (count > 0) memory.symbols.back().next = count;
    memory.symbols.push_back({id, count - 1, -1});
  }

  // A symbol a character, with the prefix and suffix of words; of unknown ones the unknown or bytes.
  void split(std::string_view word, ModelMemory& memory) const {
    bool unknown_before = false;
    for (size_t at = 0; at < word.size();) {
      const size_t begin = at;
      decode(word, at);
      memory.text.clear();
      if (begin > 0) memory.text += rules_.prefix;
      memory.text += word.substr(begin, at - begin);
      if (at == word.size()) memory.text += rules_.suffix;
      const int32_t id = vocabulary_.find(memory.text);
      if (id != Vocabulary::kNone) {
        add_symbol(memory, id);
      } else if (rules_.byte_fallback && all_bytes_known(memory.text)) {
        for (const char byte : memory.text) add_symbol(memory, byte_ids_[static_cast<unsigned char>(byte)]);
        continue;  // an unknown one before and one behind stay neighbours
      } else if (unknown_ != Vocabulary::kNone && !(unknown_before && rules_.fuse_unknown)) {
        add_symbol(memory, unknown_);
      }
      unknown_before = id == Vocabulary::kNone;
    }
  }

  bool all_bytes_known(std::string_view text) const {
    return std::all_of(text.begin(), text.end(), [&](char byte) {
      return byte_ids_[static_cast<unsigned char>(byte)] != Vocabulary::kNone;
    });
  }

  void push(ModelMemory& memory, int32_t left, int32_t right) const {
    if (left < 0 || right < 0) return;
    const auto& symbols = memory.symbols;
    const MergeRule* rule =
        table_.find(symbols[static_cast<size_t>(left)].id, symbols[static_cast<size_t>(right)].id);
    if (rule == nullptr) return;
    memory.merges.push_back({rule->rank, static_cast<uint32_t>(left), rule->id});
    std::push_heap(memory.merges.begin(), memory.merges.end(), later);
  }

  // Entries of the heap grow stale: those whose symbol is gone (id -1) or whose pair makes something else by
  // now.
  void merge(ModelMemory& memory) const {
    auto& symbols = memory.symbols;
    memory.merges.clear();
    for (size_t i = 1; i < symbols.size(); ++i)
      push(memory, static_cast<int32_t>(i) - 1, static_cast<int32_t>(i));
    while (!memory.merges.empty()) {
      std::pop_heap(memory.merges.begin(), memory.merges.end(), later);
      const ModelMemory::Merge merge = memory.merges.back();
      memory.merges.pop_back();
      auto& left = symbols[merge.position];
      if (left.id == -1 || left.next == -1) continue;
      auto& right = symbols[static_cast<size_t>(left.next)];
      const MergeRule* rule = table_.find(left.id, right.id);
      if (rule == nullptr || rule->id != merge.id) continue;
      left.id = merge.id;
      left.next = right.next;
      right.id = -1;
      if (left.next != -1)
        symbols[static_cast<size_t>(left.next)].previous = static_cast<int32_t>(merge.position);
      push(memory, left.previous, static_cast<int32_t>(merge.position));
      push(memory, static_cast<int32_t>(merge.position), left.next);
    }
  }

  BpeRules rules_;
  int32_t unknown_ = Vocabulary::kNone;
  std::vector<int32_t> byte_ids_;
  MergeTable table_;
};

}  // namespace

std::unique_ptr<TokenModel> make_bpe(Vocabulary vocabulary, const Merges& merges, const BpeRules& rules,
                                     const std::string& where) {
  return std::make_unique<Bpe>(std::move(vocabulary), merges, rules, where);
}

}  // namespace athanor
