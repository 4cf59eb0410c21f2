// Regular expressions to programs of Pattern.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "data/text/pattern.h"

namespace athanor {

class PatternParser {
 public:
  PatternParser(std::string_view expression, std::string where)
      : expression_(expression), where_(std::move(where)) {}
  // Throws Error.
  void parse(std::vector<Pattern::Instruction>& program, std::vector<CharClass>& classes);

 private:
  struct Fragment {
    std::vector<Pattern::Instruction> code;
    bool can_be_empty = true;
  };
  Fragment alternatives();
  Fragment sequence();
  Fragment atom();
  Fragment group();
  Fragment repeated(Fragment atom);
  Fragment of_class(CharClass set);
  CharClass bracket();
  CharClass::Item escape();
  CharClass::Item property(bool negated);
  char32_t hex(size_t digits);
  char32_t next_char();
  uint32_t number();
  bool take(std::string_view text);
  bool at_end() const { return at_ >= expression_.size(); }
  [[noreturn]] void refuse(const std::string& what) const;

  std::string_view expression_;
  std::string where_;
  size_t at_ = 0;
  int depth_ = 0;
  bool any_case_ = false;
  std::vector<CharClass> classes_;
};

}  // namespace athanor
