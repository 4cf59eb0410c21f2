// The regular expressions of tokenizer files, matched as Oniguruma does there: the leftmost match,
// alternatives in order, properties of unicode.h. Known: literals, classes, \s \d \w \p{..} and their
// opposites, groups (?:..) (?i:..)
// (..), lookahead, ? * + {m,n}, possessive on one character. Left out, and refused by name: everything else.
#pragma once

#include <bitset>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace athanor {

// A set of characters: ranges, categories and bits of unicode.h.
struct CharClass {
  struct Item {
    char32_t first = 1, last = 0;
    uint32_t categories = 0, bits = 0;
    bool negated = false;
  };
  std::vector<Item> items;
  bool negated = false;
  std::bitset<128> ascii;  // what matches() says of them

  bool holds(char32_t c) const { return c < 128 ? ascii[c] : matches(c); }
  bool matches(char32_t c) const;
};

class Pattern {
 public:
  // Throws Error at `where` for what is not known, and for a pattern that matches the empty text.
  static Pattern regex(std::string_view expression, const std::string& where);
  static Pattern literal(std::string_view text, const std::string& where);

  struct Match {
    size_t begin = 0, end = 0;
  };
  struct State {  // to go on from, when what was tried failed; down to `least`, a character at a time
    size_t next, at, least;
  };
  // The first match that begins at `from` or later; `memory` is kept from call to call. Throws Error where
  // backtracking takes absurdly long.
  bool find(std::string_view text, size_t from, Match& match, std::vector<State>& memory) const;
  const std::string& source() const { return source_; }

  enum class Op : uint8_t { kClass, kSplit, kJump, kLook, kMatch };
  struct Instruction {
    Op op = Op::kMatch;
    bool negated = false, possessive = false;
    // Of kClass: which. Of kSplit, kJump and kLook: how far to the other branch, the target, behind the
    // lookahead.
    int32_t index = 0;
    uint32_t min = 1, max = 1;  // of kClass: how often
  };

 private:
  struct Run {
    std::string_view text;
    std::vector<State>& states;
    int64_t steps;
  };
  bool match(Run& run, size_t next, size_t& at) const;
  bool repeat(Run& run, const Instruction& in, size_t next, size_t& at) const;

  std::string source_, literal_;  // a literal has no program
  std::vector<CharClass> classes_;
  std::vector<Instruction> program_;
};

}  // namespace athanor
