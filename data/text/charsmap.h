// SentencePiece's precompiled character map: a darts-clone double array over UTF-8 to places in a pool of
// texts that NULs end. Two readings of it exist: SentencePiece's (the longest rule, everywhere) and that of
// the `tokenizers` library (cluster by cluster, the shortest rule for a prefix of a cluster).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace athanor {

class Charsmap {
 public:
  Charsmap() = default;
  // `blob`: a little-endian u32 (bytes of the array), the array, the pool. Throws Error at `where`.
  Charsmap(std::string_view blob, const std::string& where);
  bool empty() const { return units_.empty(); }

  struct Rule {
    size_t length = 0;  // bytes of the text that it replaces, 0: there is none
    std::string_view by;
  };
  // The rule whose key is the longest, or the shortest, prefix of `text`.
  Rule longest(std::string_view text) const;
  Rule shortest(std::string_view text) const;

  // Whether the character at text[at] and the one behind it are ASCII, and no rule changes the first.
  bool keeps(std::string_view text, size_t at) const {
    if (static_cast<signed char>(text[at]) <= 0 || !keeps_[static_cast<size_t>(text[at])] || text[at] == '\r')
      return false;
    return at + 1 == text.size() || static_cast<signed char>(text[at + 1]) >= 0;
  }
  // As the `tokenizers` library applies it.
  void apply(std::string& text) const;

 private:
  Rule find(std::string_view text, bool longest) const;
  bool apply_to(std::string_view cluster, std::string& out) const;
  std::vector<uint32_t> units_;
  std::string pool_;
  bool keeps_[128] = {};  // no rule is for this character, alone or with ASCII behind it
};

}  // namespace athanor
