#include "data/text/sentence_piece.h"

#include <algorithm>
#include <cfloat>
#include <queue>

#include "data/text/charsmap.h"
#include "data/text/unicode.h"
#include "src/core/error.h"
#include "src/core/text.h"

namespace athanor {
namespace {

using Type = SentencePieceFile::Type;
constexpr std::string_view kMetaspace = "\u2581";
constexpr float kUnknownPenalty = 10;

bool is_normal(Type type) {
  return type == Type::kNormal || type == Type::kUserDefined || type == Type::kUnused;
}

// The pieces that texts are made of; control, byte and unknown ones are not among them.
Trie text_trie(const SentencePieceFile& file, bool user_defined_only) {
  std::vector<std::pair<std::string_view, int32_t>> entries;
  for (size_t id = 0; id < file.pieces.size(); ++id) {
    const auto& piece = file.pieces[id];
    if (user_defined_only ? piece.type == Type::kUserDefined : is_normal(piece.type))
      entries.emplace_back(piece.text, static_cast<int32_t>(id));
  }
  return Trie(std::move(entries));
}

Vocabulary vocabulary_of(const SentencePieceFile& file, const std::string& where) {
  std::vector<Vocabulary::Entry> entries;
  for (size_t id = 0; id < file.pieces.size(); ++id)
    entries.push_back({file.pieces[id].text, static_cast<int32_t>(id)});
  return {entries, where};
}

class SentencePiece : public TextEncoder {
 public:
  SentencePiece(SentencePieceFile file, const std::string& where)
      : file_(std::move(file)),
        vocabulary_(vocabulary_of(file_, where)),
        pieces_(text_trie(file_, false)),
        user_defined_(text_trie(file_, true)) {
    if (!file_.charsmap.empty()) charsmap_ = Charsmap(file_.charsmap, where);
    float least = FLT_MAX;
    for (size_t id = 0; id < file_.pieces.size(); ++id) {
      const auto& piece = file_.pieces[id];
      has_user_defined_ = has_user_defined_ || piece.type == Type::kUserDefined;
      if (piece.type == Type::kUnknown) unknown_ = static_cast<int32_t>(id);
      if (piece.type == Type::kUnused && file_.model_type == 2)
        throw Error({where, "the unused piece '" + piece.text + "' of a BPE model is not supported"});
      if (piece.type != Type::kNormal) continue;
      least = std::min(least, piece.score);
      greatest_ = std::max(greatest_, piece.score);
    }
    if (unknown_ < 0) throw Error({where, "has no piece for the unknown"});
    unknown_score_ = least - kUnknownPenalty;
    if (!file_.byte_fallback) return;
    bytes_ = byte_ids(vocabulary_);
    if (std::find(bytes_.begin(), bytes_.end(), Vocabulary::kNone) != bytes_.end())
      throw Error({where, "has byte fallback, and not all 256 pieces <0x00> to <0xFF>"});
  }

  void encode(std::string_view text, size_t, TextMemory& memory, std::vector<int32_t>& ids) const override {
    std::string& normal = memory.normal.bytes;
    normalize(text, normal);
    if (normal.empty()) return;
    const auto unknown_before = [&, begin = ids.size()] {
      return ids.size() > begin && ids.back() == unknown_;
    };
    const auto add = [&](std::string_view piece, int32_t id) {
      if (id == unknown_ && !bytes_.empty())
        for (const char byte : piece) ids.push_back(bytes_[static_cast<unsigned char>(byte)]);
      else if (id != unknown_ || !unknown_before())
        ids.push_back(id);
    };
    if (file_.model_type == 1)
      unigram(normal, memory.model, add);
    else
      bpe(normal, add);
  }
  const Vocabulary& vocabulary() const override { return vocabulary_; }
  const SentencePieceFile& file() const { return file_; }

 private:
  // The longest user-defined piece that the text begins with.
  size_t user_defined_at(std::string_view text) const {
    size_t length = 0;
    uint32_t node = Trie::kRoot;
    for (size_t i = 0; has_user_defined_ && i < text.size() &&
                       user_defined_.step(node, static_cast<unsigned char>(text[i]));
         ++i)
      if (user_defined_.value(node) != Trie::kNone) length = i + 1;
    return length;
  }

  struct Prefix {
    std::string_view becomes;
    size_t length;
  };
  Prefix normal_prefix(std::string_view text) const {
    if (const size_t length = user_defined_at(text); length > 0) return {text.substr(0, length), length};
    if (!charsmap_.empty() && !charsmap_.keeps(text, 0))
      if (const Charsmap::Rule rule = charsmap_.longest(text); rule.length > 0) return {rule.by, rule.length};
    size_t length = 0;
    decode(text, length);
    return {text.substr(0, length), length};
  }

  void normalize(std::string_view text, std::string& out) const {
    const std::string_view space = file_.escape_whitespaces ? kMetaspace : " ";
    const bool fold = file_.remove_extra_whitespaces;
    out.clear();
    while (fold && !text.empty()) {
      const Prefix prefix = normal_prefix(text);
      if (prefix.becomes != " ") break;
      text.remove_prefix(prefix.length);
    }
    if (text.empty()) return;
    if (!file_.whitespace_as_suffix && file_.dummy_prefix) out += space;
    for (bool after_space = fold; !text.empty();) {
      Prefix prefix = normal_prefix(text);
      while (after_space && prefix.becomes.starts_with(' ')) prefix.becomes.remove_prefix(1);
      for (const char byte : prefix.becomes) {
        if (byte == ' ')
          out += space;
        else
          out.push_back(byte);
      }
      if (!prefix.becomes.empty()) after_space = fold && prefix.becomes.ends_with(' ');
      text.remove_prefix(prefix.length);
    }
    while (fold && std::string_view(out).ends_with(space)) out.resize(out.size() - space.size());
    if (file_.whitespace_as_suffix && file_.dummy_prefix) out += space;
  }

  // Scores are kept as floats and compared as what they are summed to, as SentencePiece does: this decides
  // near ties.
  template <class Add>
  void unigram(std::string_view text, ModelMemory& memory, const Add& add) const {
    memory.best.assign(text.size() + 1, {0, -1, -1});
    ModelMemory::Best* best = memory.best.data();
    for (size_t begin = 0; begin < text.size();) {
      size_t behind = begin;
      decode(text, behind);
      const auto before = static_cast<float>(best[begin].score);
      const auto offer = [&](size_t end, int32_t id, double score) {
        if (best[end].begin == -1 || score > best[end].score)
          best[end] = {static_cast<float>(score), id, static_cast<int32_t>(begin)};
      };
      bool has_single = false;
      uint32_t node = Trie::kRoot;
      for (size_t at = begin; at < text.size() && pieces_.step(node, static_cast<unsigned char>(text[at]));
           ++at) {
        const int32_t id = pieces_.value(node);
        if (id == Trie::kNone) continue;
        const SentencePieceFile::Piece& piece = file_.pieces[static_cast<size_t>(id)];
        if (piece.type == Type::kUnused) continue;
        const double score = piece.type == Type::kUserDefined
                                 ? static_cast<float>(at + 1 - begin) * greatest_ - 0.1
                                 : static_cast<double>(piece.score);
        offer(at + 1, id, score + before);
        has_single = has_single || at + 1 == behind;
      }
      if (!has_single) offer(behind, unknown_, unknown_score_ + before);
      begin = behind;
    }
    std::vector<int32_t>& ends = memory.path;
    ends.clear();
    for (auto end = static_cast<int32_t>(text.size()); end > 0; end = best[end].begin) ends.push_back(end);
    for (size_t i = ends.size(); i-- > 0;) {
      const auto begin = static_cast<size_t>(best[ends[i]].begin);
      add(text.substr(begin, static_cast<size_t>(ends[i]) - begin), best[ends[i]].id);
    }
  }

  struct Symbol {
    std::string_view piece;
    int32_t previous, next;
    bool frozen;
  };
  struct Pair {
    float score;
    int32_t left, right;
    size_t size;
    bool operator<(const Pair& other) const {
      return score < other.score || (score == other.score && left > other.left);
    }
  };

  // Of all neighbours the pair that makes the piece with the highest score is merged, the leftmost of equals.
  template <class Add>
  void bpe(std::string_view text, const Add& add) const {
    std::vector<Symbol> symbols;
    for (size_t at = 0; at < text.size();) {
      const size_t user_defined = user_defined_at(text.substr(at));
      size_t behind = at;
      decode(text, behind);
      if (user_defined > 0) behind = at + user_defined;
      const auto index = static_cast<int32_t>(symbols.size());
      symbols.push_back({text.substr(at, behind - at), index - 1, behind == text.size() ? -1 : index + 1,
                         user_defined > 0});
      at = behind;
    }
    std::priority_queue<Pair> pairs;
    const auto push = [&](int32_t left, int32_t right) {
      if (left < 0 || right < 0) return;
      const Symbol &a = symbols[static_cast<size_t>(left)], &b = symbols[static_cast<size_t>(right)];
      if (a.frozen || b.frozen) return;
      const std::string_view both(a.piece.data(), a.piece.size() + b.piece.size());
      const int32_t id = pieces_.find(both);
      if (id != Trie::kNone)
        pairs.push({file_.pieces[static_cast<size_t>(id)].score, left, right, both.size()});
    };
    for (size_t i = 1; i < symbols.size(); ++i) push(static_cast<int32_t>(i) - 1, static_cast<int32_t>(i));
    while (!pairs.empty()) {
      const Pair pair = pairs.top();
      pairs.pop();
      Symbol &left = symbols[static_cast<size_t>(pair.left)],
             &right = symbols[static_cast<size_t>(pair.right)];
      if (left.piece.empty() || right.piece.empty() || left.piece.size() + right.piece.size() != pair.size)
        continue;
      left.piece = {left.piece.data(), pair.size};
      left.next = right.next;
      if (right.next >= 0) symbols[static_cast<size_t>(right.next)].previous = pair.left;
      right.piece = {};
      push(left.previous, pair.left);
      push(pair.left, left.next);
    }
    for (int32_t at = symbols.empty() ? -1 : 0; at != -1; at = symbols[static_cast<size_t>(at)].next) {
      const std::string_view piece = symbols[static_cast<size_t>(at)].piece;
      const int32_t id = pieces_.find(piece);
      add(piece, id == Trie::kNone ? unknown_ : id);
    }
  }

  SentencePieceFile file_;
  Vocabulary vocabulary_;
  Trie pieces_, user_defined_;
  Charsmap charsmap_;
  bool has_user_defined_ = false;
  int32_t unknown_ = -1;
  float unknown_score_ = 0, greatest_ = FLT_MIN;
  std::vector<int32_t> bytes_;
};

// What SiglipTokenizer of transformers does to a text, by Python's rules: lower case with final sigmas, white
// space with the separators U+001C to U+001F.
class SiglipText {
 public:
  static std::string canonical(std::string_view text) {
    std::string out(kMetaspace);
    bool space = false;
    for (size_t at = 0; at < text.size();) {
      const size_t begin = at;
      const char32_t c = decode(text, at);
      if (c < 0x80 && (bits_of(c) & kPunctuation) != 0) continue;
      if (is_space(c) || c == 0x2581) {
        // A metaspace becomes a space before spaces are folded.
        space = true;
        continue;
      }
      if (space) out += ' ';
      space = false;
      if (c == 0x3A3 && is_final(text, begin, at)) {
        out += "\u03C2";
        continue;
      }
      std::string one(text.substr(begin, at - begin));
      lower_case(one);
      out += one;
    }
    return out;
  }

 private:
  static bool is_space(char32_t c) { return (bits_of(c) & kSpace) != 0 || (c >= 0x1C && c <= 0x1F); }
  static bool is_ignored(char32_t c) {
    const Category category = category_of(c);
    return category == Category::Mn || category == Category::Me || category == Category::Cf ||
           category == Category::Lm || category == Category::Sk || c == '\'' || c == '.' || c == ':' ||
           c == 0xB7 || c == 0x2018 || c == 0x2019 || c == 0x2024 || c == 0x2027 || c == 0x387 ||
           c == 0x55F || c == 0x5F4 || c == 0xFE13 || c == 0xFE52 || c == 0xFE55 || c == 0xFF07 ||
           c == 0xFF0E || c == 0xFF1A;
  }
  static bool is_cased(char32_t c) {
    const Category category = category_of(c);
    return category == Category::Lu || category == Category::Ll || category == Category::Lt;
  }
  // A capital sigma behind a letter and before none.
  static bool is_final(std::string_view text, size_t begin, size_t end) {
    size_t at = begin;
    while (at > 0 && is_ignored(decode_before(text, at))) at -= bytes_before(text, at);
    if (at == 0 || !is_cased(decode_before(text, at))) return false;
    for (size_t next = end; next < text.size();) {
      const char32_t c = decode(text, next);
      if (!is_ignored(c)) return !is_cased(c);
    }
    return true;
  }
  static size_t bytes_before(std::string_view text, size_t at) {
    size_t begin = at - 1;
    while (begin > 0 && (static_cast<unsigned char>(text[begin]) & 0xC0) == 0x80) --begin;
    return at - begin;
  }
};

// transformers encodes "<unk>" and the text and drops the tokens of "<unk>", so that the text's first
// metaspace stays.
class Siglip : public TextEncoder {
 public:
  explicit Siglip(std::unique_ptr<SentencePiece> inner) : inner_(std::move(inner)) {
    TextMemory memory;
    std::vector<int32_t> ids;
    inner_->encode(kBefore, kNoLimit, memory, ids);
    before_ = ids.size();
  }
  void encode(std::string_view text, size_t, TextMemory& memory, std::vector<int32_t>& ids) const override {
    const size_t begin = ids.size();
    inner_->encode(kBefore + SiglipText::canonical(text), kNoLimit, memory, ids);
    if (ids.size() - begin < before_) return;
    ids.erase(ids.begin() + static_cast<int64_t>(begin), ids.begin() + static_cast<int64_t>(begin + before_));
  }
  const Vocabulary& vocabulary() const override { return inner_->vocabulary(); }

 private:
  const std::string kBefore = "<unk>";
  std::unique_ptr<SentencePiece> inner_;
  size_t before_ = 0;
};

// fairseq's order: <s> 0, <pad> 1, </s> 2, <unk> 3, then the pieces behind the first three, <mask> last.
class XlmR : public TextEncoder {
 public:
  XlmR(std::unique_ptr<SentencePiece> inner, const std::string& where) : inner_(std::move(inner)) {
    std::vector<Vocabulary::Entry> entries{{"<s>", 0}, {"<pad>", 1}, {"</s>", 2}, {"<unk>", 3}};
    const auto& pieces = inner_->file().pieces;
    for (size_t id = 3; id < pieces.size(); ++id)
      entries.push_back({pieces[id].text, moved(static_cast<int32_t>(id))});
    entries.push_back({"<mask>", static_cast<int32_t>(pieces.size()) + 1});
    vocabulary_ = Vocabulary(entries, where);
  }
  void encode(std::string_view text, size_t limit, TextMemory& memory,
              std::vector<int32_t>& ids) const override {
    const size_t begin = ids.size();
    inner_->encode(text, limit, memory, ids);
    for (size_t i = begin; i < ids.size(); ++i) ids[i] = moved(ids[i]);
  }
  const Vocabulary& vocabulary() const override { return vocabulary_; }

 private:
  static int32_t moved(int32_t id) { return id == 0 ? 3 : id == 1 ? 0 : id == 2 ? 2 : id + 1; }
  std::unique_ptr<SentencePiece> inner_;
  Vocabulary vocabulary_;
};

TemplatePart special(int64_t id) { return {-1, {static_cast<int32_t>(id)}, 0}; }
TemplatePart sequence(int index) { return {index, {}, 0}; }

}  // namespace

TokenizerParts make_sentence_piece(SentencePieceFile file, SentencePieceRules rules,
                                   const std::string& where) {
  TokenizerParts out;
  out.kind = file.model_type == 1 ? "SentencePiece Unigram" : "SentencePiece BPE";
  const auto pieces = static_cast<int64_t>(file.pieces.size());
  const int64_t end = file.end_id;
  out.padding.id = file.pad_id >= 0 && file.pad_id < pieces ? static_cast<int32_t>(file.pad_id) : 0;
  if (rules != SentencePieceRules::kPlain && (end < 0 || end >= pieces))
    throw Error(
        {where, "has no piece for the end of a text", text("0 to ", pieces - 1), std::to_string(end)});
  auto inner = std::make_unique<SentencePiece>(std::move(file), where);
  out.single = {sequence(0)};
  out.pair = {sequence(0), sequence(1)};
  if (rules == SentencePieceRules::kSiglip) {
    out.single = {sequence(0), special(end)};
    out.pair = {sequence(0), special(end), sequence(1), special(end)};
    out.truncation.max_length = 64;
    out.padding = {Padding::To::kLength, 64, 1, Side::kRight, static_cast<int32_t>(end), 0, "</s>"};
    out.encoder = std::make_unique<Siglip>(std::move(inner));
  } else if (rules == SentencePieceRules::kXlmR) {
    if (pieces < 3)
      throw Error({where, "is no model of XLM-RoBERTa", "at least 3 pieces", std::to_string(pieces)});
    out.single = {special(0), sequence(0), special(2)};
    out.pair = {special(0), sequence(0), special(2), special(2), sequence(1), special(2)};
    out.padding.id = 1;
    out.padding.token = "<pad>";
    out.encoder = std::make_unique<XlmR>(std::move(inner), where);
  } else {
    out.encoder = std::move(inner);
  }
  return out;
}

}  // namespace athanor
