#include "data/text/pre_tokenizer.h"

#include <algorithm>

#include "data/text/normalizer.h"
#include "data/text/pattern.h"
#include "data/text/unicode.h"

namespace athanor {
namespace {

constexpr const char* kGpt2 = R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

// Patterns that match from each space behind a visible character anew, and look at most one character ahead.
constexpr const char* kCutAtSpaces[] = {
    kGpt2,
    R"('s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+)",  // CLIP
    R"(<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+)",
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
    R"(\s+)",
    R"(\s)",
    R"( )",
    R"(\w+|[^\w\s]+)",
    R"([^\s]+)",
    R"(\S+)"};

struct Range {
  size_t begin, end;
  bool match;
};

enum class Behavior { kRemoved, kIsolated, kMergedWithPrevious, kMergedWithNext, kContiguous };

Behavior read_behavior(const JsonNode& node) {
  const std::string& name = node.text();
  if (name == "Removed") return Behavior::kRemoved;
  if (name == "Isolated") return Behavior::kIsolated;
  if (name == "MergedWithPrevious") return Behavior::kMergedWithPrevious;
  if (name == "MergedWithNext") return Behavior::kMergedWithNext;
  if (name == "Contiguous") return Behavior::kContiguous;
  node.refuse("an unknown behaviour", "Removed, Isolated, MergedWithPrevious, MergedWithNext or Contiguous",
              name);
}

// Matches and what lies between them, in order; to the parts that the behaviour makes of them.
void join_ranges(std::vector<Range>& ranges, Behavior behavior) {
  if (behavior == Behavior::kIsolated) return;
  std::vector<Range> out;
  bool previous = false;
  if (behavior == Behavior::kMergedWithNext) {
    for (size_t i = ranges.size(); i-- > 0;) {
      if (ranges[i].match && !previous && !out.empty())
        out.back().begin = ranges[i].begin;
      else
        out.push_back(ranges[i]);
      previous = ranges[i].match;
    }
    std::reverse(out.begin(), out.end());
  } else {
    for (const Range& range : ranges) {
      const bool joins =
          behavior == Behavior::kContiguous ? range.match == previous : range.match && !previous;
      if (behavior == Behavior::kRemoved) {
        if (!range.match) out.push_back(range);
      } else if (joins && !out.empty()) {
        out.back().end = range.end;
      } else {
        out.push_back(range);
      }
      previous = range.match;
    }
  }
  ranges.swap(out);
}

// Splits each word at what `find` reports of it.
template <class Find>
void split_words(Words& words, Words& spare, const Find& find, Behavior behavior) {
  spare.list.clear();
  std::vector<Range> ranges;
  for (const Words::Word& word : words.list) {
    if (word.token >= 0) {
      spare.list.push_back(word);
      continue;
    }
    ranges.clear();
    find(words.of(word), ranges);
    join_ranges(ranges, behavior);
    for (const Range& range : ranges)
      if (range.end > range.begin)
        spare.list.push_back({word.begin + static_cast<uint32_t>(range.begin),
                              word.begin + static_cast<uint32_t>(range.end), -1,
                              word.at_start && range.begin == 0});
  }
  words.list.swap(spare.list);
}

// The text of each word written anew by `write(word, text, out)`.
template <class Write>
void rewrite_words(Words& words, Words& spare, const Write& write) {
  spare.text.clear();
  for (Words::Word& word : words.list) {
    const auto begin = static_cast<uint32_t>(spare.text.size());
    if (word.token < 0) write(word, words.of(word), spare.text);
    word.begin = begin;
    word.end = static_cast<uint32_t>(spare.text.size());
  }
  words.text.swap(spare.text);
}

void find_pattern(const Pattern& pattern, std::string_view text, std::vector<Range>& ranges) {
  size_t done = 0;
  std::vector<Pattern::State> memory;
  for (Pattern::Match match; pattern.find(text, done, match, memory); done = match.end) {
    if (match.begin > done) ranges.push_back({done, match.begin, false});
    ranges.push_back({match.begin, match.end, true});
  }
  if (done < text.size()) ranges.push_back({done, text.size(), false});
}

// A match a character of which `is` is true.
template <class Is>
void find_chars(std::string_view text, const Is& is, std::vector<Range>& ranges) {
  size_t done = 0;
  for (size_t at = 0; at < text.size();) {
    const size_t begin = at;
    if (!is(decode(text, at))) continue;
    if (begin > done) ranges.push_back({done, begin, false});
    ranges.push_back({begin, at, true});
    done = at;
  }
  if (done < text.size()) ranges.push_back({done, text.size(), false});
}

// Splits at characters with one of these bits.
class BitSplit : public PreTokenizer {
 public:
  BitSplit(uint32_t bits, Behavior behavior) : bits_(bits), behavior_(behavior) {}
  void apply(Words& words, Words& spare) const override {
    const auto is = [&](char32_t c) { return (bits_of(c) & bits_) != 0; };
    split_words(
        words, spare, [&](std::string_view text, auto& ranges) { find_chars(text, is, ranges); }, behavior_);
  }
  bool cuts_at_spaces() const override { return bits_ == kSpace; }

 private:
  uint32_t bits_;
  Behavior behavior_;
};

class PreTokenizerSequence : public PreTokenizer {
 public:
  explicit PreTokenizerSequence(std::vector<std::unique_ptr<PreTokenizer>> parts)
      : parts_(std::move(parts)) {}
  void apply(Words& words, Words& spare) const override {
    for (const auto& part : parts_) part->apply(words, spare);
  }
  bool cuts_at_spaces() const override { return !parts_.empty() && parts_.front()->cuts_at_spaces(); }

 private:
  std::vector<std::unique_ptr<PreTokenizer>> parts_;
};

// Words and runs of what is neither word nor space.
class Whitespace : public PreTokenizer {
  void apply(Words& words, Words& spare) const override {
    const auto kind = [](char32_t c) {
      const uint32_t bits = bits_of(c);
      return (bits & kWordOfWhitespace) != 0 ? 1 : (bits & kSpace) != 0 ? 0 : 2;
    };
    split_words(
        words, spare,
        [&](std::string_view text, auto& ranges) {
          for (size_t at = 0; at < text.size();) {
            const size_t begin = at;
            const int first = kind(decode(text, at));
            for (size_t next = at; next < text.size() && kind(decode(text, next)) == first;) at = next;
            ranges.push_back({begin, at, first == 0});
          }
        },
        Behavior::kRemoved);
  }
  bool cuts_at_spaces() const override { return true; }
};

class Split : public PreTokenizer {
 public:
  Split(Pattern pattern, Behavior behavior, bool invert)
      : pattern_(std::move(pattern)), behavior_(behavior), invert_(invert) {}
  void apply(Words& words, Words& spare) const override {
    split_words(
        words, spare,
        [&](std::string_view text, auto& ranges) {
          find_pattern(pattern_, text, ranges);
          if (invert_)
            for (Range& range : ranges) range.match = !range.match;
        },
        behavior_);
  }
  bool cuts_at_spaces() const override {
    const bool known = std::find(std::begin(kCutAtSpaces), std::end(kCutAtSpaces), pattern_.source()) !=
                       std::end(kCutAtSpaces);
    return known && (behavior_ == Behavior::kIsolated || behavior_ == Behavior::kRemoved);
  }

 private:
  Pattern pattern_;
  Behavior behavior_;
  bool invert_;
};

class ByteLevel : public PreTokenizer {
 public:
  explicit ByteLevel(const JsonNode& node)
      : split_(Pattern::regex(kGpt2, node.where()), Behavior::kIsolated, false) {
    node.expect_keys({"type", "add_prefix_space", "trim_offsets", "use_regex"});
    prefix_space_ = node.at("add_prefix_space").boolean();
    use_regex_ = node.boolean("use_regex", true);
  }
  void apply(Words& words, Words& spare) const override {
    if (prefix_space_)
      rewrite_words(words, spare, [](const Words::Word&, std::string_view text, std::string& out) {
        if (!text.starts_with(' ')) out += ' ';
        out += text;
      });
    if (use_regex_) split_.apply(words, spare);
    rewrite_words(words, spare, [](const Words::Word&, std::string_view text, std::string& out) {
      for (const char byte : text) append_byte_char(out, static_cast<unsigned char>(byte));
    });
  }
  bool cuts_at_spaces() const override { return use_regex_; }

 private:
  Split split_;
  bool prefix_space_ = true, use_regex_ = true;
};

class Metaspace : public PreTokenizer {
 public:
  explicit Metaspace(const JsonNode& node) {
    node.expect_keys({"type", "replacement", "prepend_scheme", "split", "add_prefix_space", "str_rep"});
    replacement_ = node.at("replacement").text();
    size_t at = 0;
    if (!replacement_.empty()) character_ = decode(replacement_, at);
    if (at == 0 || at != replacement_.size()) node.at("replacement").refuse("one character is expected");
    scheme_ = node.text("prepend_scheme", node.boolean("add_prefix_space", true) ? "always" : "never");
    if (scheme_ != "always" && scheme_ != "first" && scheme_ != "never")
      node.at("prepend_scheme").refuse("an unknown scheme", "always, first or never", scheme_);
    if (!node.boolean("add_prefix_space", true) && scheme_ != "never")
      node.at("add_prefix_space").refuse("contradicts prepend_scheme", "true", "false");
    split_ = node.boolean("split", true);
  }
  void apply(Words& words, Words& spare) const override {
    rewrite_words(words, spare, [&](const Words::Word& word, std::string_view text, std::string& out) {
      const bool there = text.starts_with(' ') || text.starts_with(replacement_);
      if (!there && (scheme_ == "always" || (scheme_ == "first" && word.at_start))) out += replacement_;
      for (const char byte : text) {
        if (byte == ' ')
          out += replacement_;
        else
          out.push_back(byte);
      }
    });
    if (!split_) return;
    const auto is = [&](char32_t c) { return c == character_; };
    split_words(
        words, spare, [&](std::string_view text, auto& ranges) { find_chars(text, is, ranges); },
        Behavior::kMergedWithNext);
  }
  bool cuts_at_spaces() const override { return split_; }

 private:
  std::string replacement_, scheme_;
  char32_t character_ = 0;
  bool split_ = true;
};

std::unique_ptr<PreTokenizer> read_split(const JsonNode& node) {
  node.expect_keys({"type", "pattern", "behavior", "invert"});
  const JsonNode pattern = node.at("pattern");
  pattern.expect_keys({"String", "Regex"});
  const char* kind = pattern.has("Regex") ? "Regex" : "String";
  const JsonNode source = pattern.at(kind);
  return std::make_unique<Split>(pattern.has("Regex") ? Pattern::regex(source.text(), source.where())
                                                      : Pattern::literal(source.text(), source.where()),
                                 read_behavior(node.at("behavior")), node.at("invert").boolean());
}

std::unique_ptr<PreTokenizer> bert() {
  std::vector<std::unique_ptr<PreTokenizer>> parts;
  parts.push_back(std::make_unique<BitSplit>(kSpace, Behavior::kRemoved));
  parts.push_back(std::make_unique<BitSplit>(kPunctuation, Behavior::kIsolated));
  return std::make_unique<PreTokenizerSequence>(std::move(parts));
}

std::unique_ptr<PreTokenizer> without_settings(const JsonNode& node,
                                               std::unique_ptr<PreTokenizer> pre_tokenizer) {
  node.expect_keys({"type"});
  return pre_tokenizer;
}

std::unique_ptr<PreTokenizer> read_digits(const JsonNode& node) {
  node.expect_keys({"type", "individual_digits"});
  return std::make_unique<BitSplit>(
      kNumeric, node.at("individual_digits").boolean() ? Behavior::kIsolated : Behavior::kContiguous);
}

std::unique_ptr<PreTokenizer> read_punctuation(const JsonNode& node) {
  node.expect_keys({"type", "behavior"});
  return std::make_unique<BitSplit>(
      kPunctuation, node.has("behavior") ? read_behavior(node.at("behavior")) : Behavior::kIsolated);
}

std::unique_ptr<PreTokenizer> read_sequence(const JsonNode& node) {
  node.expect_keys({"type", "pretokenizers"});
  std::vector<std::unique_ptr<PreTokenizer>> parts;
  for (const JsonNode& one : node.at("pretokenizers").list()) parts.push_back(read_pre_tokenizer(one));
  return std::make_unique<PreTokenizerSequence>(std::move(parts));
}

}  // namespace

std::unique_ptr<PreTokenizer> read_pre_tokenizer(const JsonNode& node) {
  const std::string& type = node.at("type").text();
  if (type == "BertPreTokenizer") return without_settings(node, bert());
  if (type == "Whitespace") return without_settings(node, std::make_unique<Whitespace>());
  if (type == "WhitespaceSplit")
    return without_settings(node, std::make_unique<BitSplit>(kSpace, Behavior::kRemoved));
  if (type == "ByteLevel") return std::make_unique<ByteLevel>(node);
  if (type == "Metaspace") return std::make_unique<Metaspace>(node);
  if (type == "Split") return read_split(node);
  if (type == "Digits") return read_digits(node);
  if (type == "Punctuation") return read_punctuation(node);
  if (type == "Sequence") return read_sequence(node);
  node.at("type").refuse(
      "the pre-tokenizer '" + type + "' is not supported",
      "BertPreTokenizer, Whitespace, WhitespaceSplit, ByteLevel, Metaspace, Split, Digits, Punctuation "
      "or Sequence");
}

}  // namespace athanor
