#include "data/text/added_tokens.h"

#include <algorithm>

#include "data/text/unicode.h"

namespace athanor {
namespace {

bool is_word(char32_t c) { return (bits_of(c) & kWordOfWhitespace) != 0; }

bool stands_alone(std::string_view text, size_t begin, size_t end) {
  if (begin > 0 && is_word(decode_before(text, begin))) return false;
  return end == text.size() || !is_word(decode(text, end));
}

size_t before_spaces(std::string_view text, size_t begin) {
  while (begin > 0 && (bits_of(decode_before(text, begin)) & kSpace) != 0) do
      --begin;
    while (begin > 0 && (static_cast<unsigned char>(text[begin]) & 0xC0) == 0x80);
  return begin;
}

size_t behind_spaces(std::string_view text, size_t end) {
  for (size_t at = end; at < text.size(); end = at)
    if ((bits_of(decode(text, at)) & kSpace) == 0) break;
  return end;
}

}  // namespace

void TokenFinder::add(AddedToken token, const std::string& as) {
  if (as.empty()) return;
  auto& lengths = lengths_[static_cast<unsigned char>(as[0])];
  const auto length = static_cast<uint32_t>(as.size());
  if (std::find(lengths.begin(), lengths.end(), length) == lengths.end()) lengths.push_back(length);
  std::sort(lengths.begin(), lengths.end(), std::greater<>());
  by_text_.emplace(as, tokens_.size());
  tokens_.push_back(std::move(token));
}

const AddedToken* TokenFinder::find_at(std::string_view text, size_t at, size_t& length) const {
  for (const uint32_t candidate : lengths_[static_cast<unsigned char>(text[at])]) {
    length = candidate;
    if (length > text.size() - at) continue;
    const auto found = by_text_.find(std::string(text.substr(at, length)));
    if (found != by_text_.end()) return &tokens_[found->second];
  }
  return nullptr;
}

void TokenFinder::split(std::string_view text, std::vector<Part>& parts) const {
  parts.clear();
  size_t done = 0, length = 0;
  for (size_t at = 0; !tokens_.empty() && at < text.size();) {
    const AddedToken* token =
        lengths_[static_cast<unsigned char>(text[at])].empty() ? nullptr : find_at(text, at, length);
    if (token == nullptr) {
      ++at;
      continue;
    }
    size_t begin = at, end = at + length;
    at = end;
    if (token->single_word && !stands_alone(text, begin, end)) continue;
    if (token->strip_left) begin = std::max(before_spaces(text, begin), done);
    if (token->strip_right) end = behind_spaces(text, end);
    if (done < begin) parts.push_back({done, begin, -1});
    parts.push_back({begin, end, token->id});
    done = end;
  }
  if (done < text.size()) parts.push_back({done, text.size(), -1});
}

}  // namespace athanor
