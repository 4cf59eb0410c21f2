#include "data/text/pattern_parser.h"

#include <algorithm>

#include "data/text/unicode.h"
#include "src/core/error.h"
#include "src/core/text.h"

namespace athanor {
namespace {

using Instruction = Pattern::Instruction;
using Op = Pattern::Op;

constexpr size_t kLongestProgram = 10'000;
constexpr uint32_t kMostRepeats = 1000, kNoLimit = 0xFFFFFFFF;
constexpr int kDeepest = 50;

struct CategoryName {
  const char* name;
  Category category;
};
constexpr CategoryName kCategories[] = {
    {"Cn", Category::Cn}, {"Lu", Category::Lu}, {"Ll", Category::Ll}, {"Lt", Category::Lt},
    {"Lm", Category::Lm}, {"Lo", Category::Lo}, {"Mn", Category::Mn}, {"Mc", Category::Mc},
    {"Me", Category::Me}, {"Nd", Category::Nd}, {"Nl", Category::Nl}, {"No", Category::No},
    {"Pc", Category::Pc}, {"Pd", Category::Pd}, {"Ps", Category::Ps}, {"Pe", Category::Pe},
    {"Pi", Category::Pi}, {"Pf", Category::Pf}, {"Po", Category::Po}, {"Sm", Category::Sm},
    {"Sc", Category::Sc}, {"Sk", Category::Sk}, {"So", Category::So}, {"Zs", Category::Zs},
    {"Zl", Category::Zl}, {"Zp", Category::Zp}, {"Cc", Category::Cc}, {"Cf", Category::Cf},
    {"Co", Category::Co}};

uint32_t categories_of(std::string_view name) {
  uint32_t found = 0;
  for (const CategoryName& entry : kCategories)
    if (name == entry.name || (name.size() == 1 && name[0] == entry.name[0]))
      found |= 1U << static_cast<uint32_t>(entry.category);
  return found;
}

CharClass::Item one_char(char32_t c) { return {c, c, 0, 0, false}; }

char32_t folded(char32_t c) {
  if (c == 0x17F) return 's';
  std::string text;
  append_utf8(text, c);
  lower_case(text);
  size_t at = 0;
  return decode(text, at);
}

// The letters that fold to `c`: its capital, the long s, the Kelvin sign.
void add_cases(char32_t c, std::vector<CharClass::Item>& out) {
  out.push_back(one_char(c));
  if (c >= 'a' && c <= 'z') out.push_back(one_char(c - 32));
  if (c == 's') out.push_back(one_char(0x17F));
  if (c == 'k') out.push_back(one_char(0x212A));
}

void append(std::vector<Instruction>& code, const std::vector<Instruction>& more) {
  code.insert(code.end(), more.begin(), more.end());
}

Instruction go(Op op, size_t distance) {
  Instruction in;
  in.op = op;
  in.index = static_cast<int32_t>(distance);
  return in;
}

}  // namespace

void PatternParser::refuse(const std::string& what) const {
  throw Error({where_, text("the pattern '", expression_, "' at its byte ", at_, ": ", what)});
}

bool PatternParser::take(std::string_view text) {
  if (expression_.substr(at_).substr(0, text.size()) != text) return false;
  at_ += text.size();
  return true;
}

char32_t PatternParser::next_char() {
  if (at_end()) refuse("it ends too early");
  return decode(expression_, at_);
}

void PatternParser::parse(std::vector<Instruction>& program, std::vector<CharClass>& classes) {
  Fragment whole = alternatives();
  if (!at_end()) refuse("an unmatched ')'");
  if (whole.can_be_empty) refuse("it matches the empty text, which is not supported");
  whole.code.emplace_back();
  for (CharClass& set : classes_)
    for (char32_t c = 0; c < 128; ++c) set.ascii[c] = set.matches(c);
  program = std::move(whole.code);
  classes = std::move(classes_);
}

PatternParser::Fragment PatternParser::alternatives() {
  if (++depth_ > kDeepest) refuse("groups too deep");
  const bool any_case = any_case_;
  Fragment out = sequence();
  while (take("|")) {
    const Fragment other = sequence();
    std::vector<Instruction> code{go(Op::kSplit, out.code.size() + 2)};
    append(code, out.code);
    code.push_back(go(Op::kJump, other.code.size() + 1));
    // "a|b|c" is "(a|b)|c": the branches stay in order.
    append(code, other.code);
    out = {std::move(code), out.can_be_empty || other.can_be_empty};
    if (out.code.size() > kLongestProgram) refuse("it is too long");
  }
  any_case_ = any_case;
  --depth_;
  return out;
}

PatternParser::Fragment PatternParser::sequence() {
  Fragment out;
  while (!at_end() && expression_[at_] != '|' && expression_[at_] != ')') {
    const Fragment next = repeated(atom());
    append(out.code, next.code);
    out.can_be_empty = out.can_be_empty && next.can_be_empty;
    if (out.code.size() > kLongestProgram) refuse("it is too long");
  }
  return out;
}

PatternParser::Fragment PatternParser::of_class(CharClass set) {
  if (any_case_) {
    std::vector<CharClass::Item> more;
    for (const CharClass::Item& item : set.items)
      for (char32_t c = item.first; c <= item.last && item.last - item.first < 128; ++c)
        add_cases(folded(c), more);
    set.items.insert(set.items.end(), more.begin(), more.end());
  }
  classes_.push_back(std::move(set));
  Instruction in = go(Op::kClass, classes_.size() - 1);
  return {{in}, false};
}

PatternParser::Fragment PatternParser::atom() {
  if (take("(")) return group();
  if (take("[")) return of_class(bracket());
  CharClass set;
  if (take("\\")) {
    set.items.push_back(escape());
  } else if (take(".")) {
    set.items.push_back(one_char('\n'));
    set.negated = true;
  } else {
    const char32_t c = next_char();
    if (c == '^' || c == '$' || c == '*' || c == '+' || c == '?' || c == '{')
      refuse("this use of '" + std::string(1, static_cast<char>(c)) + "' is not supported");
    set.items.push_back(one_char(c));
  }
  return of_class(std::move(set));
}

PatternParser::Fragment PatternParser::group() {
  const bool any_case = any_case_;
  Fragment out;
  const bool ahead = take("?="), not_ahead = !ahead && take("?!");
  if (!ahead && !not_ahead && !take("?:")) {
    if (take("?i:"))
      any_case_ = true;
    else if (!at_end() && expression_[at_] == '?')
      refuse("this kind of group is not supported");
  }
  out = alternatives();
  if (!take(")")) refuse("a '(' is not closed");
  any_case_ = any_case;
  if (!ahead && !not_ahead) return out;
  std::vector<Instruction> code{go(Op::kLook, out.code.size() + 2)};
  code.front().negated = not_ahead;
  append(code, out.code);
  code.emplace_back();
  return {std::move(code), true};
}

uint32_t PatternParser::number() {
  uint32_t value = 0;
  const size_t begin = at_;
  while (!at_end() && expression_[at_] >= '0' && expression_[at_] <= '9' && value <= kMostRepeats)
    value = value * 10 + static_cast<uint32_t>(expression_[at_++] - '0');
  if (at_ == begin || value > kMostRepeats) refuse(text("a count of 0 to ", kMostRepeats, " is expected"));
  return value;
}

PatternParser::Fragment PatternParser::repeated(Fragment atom) {
  uint32_t min = 1, max = 1;
  if (take("?")) {
    min = 0;
  } else if (take("*")) {
    min = 0, max = kNoLimit;
  } else if (take("+")) {
    max = kNoLimit;
  } else if (take("{")) {
    min = max = number();
    if (take(",")) max = !at_end() && expression_[at_] == '}' ? kNoLimit : number();
    if (!take("}") || max < min) refuse("a broken count");
  } else {
    return atom;
  }
  const bool possessive = take("+");
  if (!at_end() && (expression_[at_] == '?' || expression_[at_] == '*' || expression_[at_] == '{'))
    refuse("lazy or repeated counts are not supported");
  if (atom.code.size() == 1 && atom.code[0].op == Op::kClass) {
    Instruction& in = atom.code[0];
    if (in.min != 1 || in.max != 1) refuse("a count of a count is not supported");
    in.min = min, in.max = max, in.possessive = possessive;
    return {std::move(atom.code), min == 0};
  }
  if (possessive) refuse("possessive groups are not supported");
  if (atom.can_be_empty) refuse("a repeated group that matches the empty text is not supported");
  Fragment out{{}, min == 0};
  if (atom.code.size() * (min + (max == kNoLimit ? 1 : max - min)) > kLongestProgram)
    refuse("it is too long");
  for (uint32_t i = 0; i < min; ++i) append(out.code, atom.code);
  if (max == kNoLimit) {
    out.code.push_back(go(Op::kSplit, atom.code.size() + 2));
    append(out.code, atom.code);
    Instruction back = go(Op::kJump, 0);
    back.index = -static_cast<int32_t>(atom.code.size()) - 1;
    out.code.push_back(back);
  } else {
    for (uint32_t i = min; i < max; ++i) {
      const size_t left = (max - i) * (atom.code.size() + 1);
      out.code.push_back(go(Op::kSplit, left));
      append(out.code, atom.code);
    }
  }
  return out;
}

CharClass PatternParser::bracket() {
  CharClass set;
  set.negated = take("^");
  for (bool first = true; first || !take("]"); first = false) {
    if (!at_end() && (expression_[at_] == '[' || expression_.substr(at_).starts_with("&&")))
      refuse("classes in classes are not supported");
    const bool escaped = take("\\");
    CharClass::Item item = escaped ? escape() : one_char(next_char());
    const bool is_char = item.first == item.last;
    if (is_char && at_ + 1 < expression_.size() && expression_[at_] == '-' && expression_[at_ + 1] != ']') {
      ++at_;
      const CharClass::Item end = take("\\") ? escape() : one_char(next_char());
      if (end.first != end.last || end.last < item.first) refuse("a broken range");
      item.last = end.last;
    }
    set.items.push_back(item);
  }
  return set;
}

char32_t PatternParser::hex(size_t digits) {
  char32_t value = 0;
  for (size_t i = 0; i < digits; ++i) {
    const char32_t c = next_char();
    const char32_t digit = c >= '0' && c <= '9'   ? c - '0'
                           : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                                  : c - 'A' + 10;
    if (c < '0' || digit > 15) refuse("a hexadecimal digit is expected");
    value = value * 16 + digit;
  }
  return value;
}

CharClass::Item PatternParser::property(bool negated) {
  if (!take("{")) refuse("'{' is expected");
  if (take("^")) negated = !negated;
  const size_t close = expression_.find('}', at_);
  if (close == std::string_view::npos) refuse("'}' is expected");
  const std::string name(expression_.substr(at_, close - at_));
  const uint32_t categories = categories_of(name);
  if (categories == 0) refuse("the property '" + name + "' is not supported");
  at_ = close + 1;
  return {1, 0, categories, 0, negated};
}

CharClass::Item PatternParser::escape() {
  const char32_t c = next_char();
  if (c == 's' || c == 'S') return {1, 0, 0, kSpace, c == 'S'};
  if (c == 'w' || c == 'W') return {1, 0, 0, kWord, c == 'W'};
  if (c == 'd' || c == 'D') return {1, 0, categories_of("Nd"), 0, c == 'D'};
  if (c == 'p' || c == 'P') return property(c == 'P');
  if (c == 'n') return one_char('\n');
  if (c == 'r') return one_char('\r');
  if (c == 't') return one_char('\t');
  if (c == 'f') return one_char('\f');
  if (c == 'v') return one_char('\v');
  if (c == 'u') return one_char(hex(4));
  if (c == 'x' && take("{")) {
    const size_t close = expression_.find('}', at_);
    if (close == std::string_view::npos || close - at_ > 6 || close == at_) refuse("'}' is expected");
    const CharClass::Item item = one_char(hex(close - at_));
    ++at_;
    return item;
  }
  if (c == 'x') return one_char(hex(2));
  if (c < 128 && ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')))
    refuse("the escape '\\" + std::string(1, static_cast<char>(c)) + "' is not supported");
  return one_char(c);
}

}  // namespace athanor
