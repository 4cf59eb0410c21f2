#include "data/text/pattern.h"

#include "data/text/pattern_parser.h"
#include "data/text/unicode.h"
#include "src/core/error.h"
#include "src/core/text.h"

namespace athanor {

bool CharClass::matches(char32_t c) const {
  const uint32_t bits = bits_of(c), category = 1U << static_cast<uint32_t>(category_of(c));
  for (const Item& item : items) {
    const bool in =
        (c >= item.first && c <= item.last) || (category & item.categories) != 0 || (bits & item.bits) != 0;
    if (in != item.negated) return !negated;
  }
  return negated;
}

Pattern Pattern::regex(std::string_view expression, const std::string& where) {
  Pattern out;
  out.source_ = expression;
  PatternParser(expression, where).parse(out.program_, out.classes_);
  return out;
}

Pattern Pattern::literal(std::string_view text, const std::string& where) {
  if (text.empty()) throw Error({where, "an empty pattern"});
  Pattern out;
  out.source_ = out.literal_ = text;
  return out;
}

bool Pattern::find(std::string_view text, size_t from, Match& match, std::vector<State>& memory) const {
  if (!literal_.empty()) {
    match.begin = text.find(literal_, from);
    match.end = match.begin + literal_.size();
    return match.begin != std::string_view::npos;
  }
  memory.clear();
  Run run{text, memory, 10'000'000 + 1000 * static_cast<int64_t>(text.size())};
  const Instruction& first = program_.front();
  const CharClass* must =
      first.op == Op::kClass && first.min > 0 ? &classes_[static_cast<size_t>(first.index)] : nullptr;
  for (size_t at = from, behind = from; at < text.size(); at = behind) {
    const char32_t c = decode(text, behind);
    if (must != nullptr && !must->holds(c)) continue;
    match.begin = match.end = at;
    if (this->match(run, 0, match.end)) return true;
  }
  return false;
}

// One character class, as often as it may; what can be given back is left on the stack.
bool Pattern::repeat(Run& run, const Instruction& in, size_t next, size_t& at) const {
  const CharClass& set = classes_[static_cast<size_t>(in.index)];
  size_t least = at, previous = at;
  uint32_t count = 0;
  for (; count < in.max && at < run.text.size(); ++count) {
    size_t behind = at;
    if (!set.holds(decode(run.text, behind))) break;
    if (count == in.min) least = at;
    previous = at;
    at = behind;
  }
  run.steps -= count;
  if (count < in.min) return false;
  if (count > in.min && !in.possessive) run.states.push_back({next, previous, least});
  return true;
}

// A backtracking machine. Moves `at` behind the match; leaves the stack as it was.
bool Pattern::match(Run& run, size_t next, size_t& at) const {
  const size_t bottom = run.states.size();
  for (;;) {
    if (--run.steps < 0)
      throw Error(
          {"pattern '" + source_ + "'", "takes too long", "", text("a text of ", run.text.size(), " bytes")});
    const Instruction& in = program_[next];
    bool holds = true;
    if (in.op == Op::kMatch) {
      run.states.resize(bottom);
      return true;
    }
    if (in.op == Op::kClass) {
      holds = repeat(run, in, next + 1, at);
      ++next;
    } else if (in.op == Op::kSplit) {
      run.states.push_back({next + static_cast<size_t>(in.index), at, at});
      ++next;
    } else if (in.op == Op::kJump) {
      next += static_cast<size_t>(static_cast<int64_t>(in.index));
    } else {
      size_t ahead = at;
      holds = match(run, next + 1, ahead) != in.negated;
      next += static_cast<size_t>(in.index);
    }
    if (holds) continue;
    if (run.states.size() == bottom) return false;
    State& state = run.states.back();
    next = state.next;
    at = state.at;
    if (state.at == state.least) {
      run.states.pop_back();
    } else {
      do --state.at;
      while (state.at > state.least && (static_cast<unsigned char>(run.text[state.at]) & 0xC0) == 0x80);
    }
  }
}

}  // namespace athanor
