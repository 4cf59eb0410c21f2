// Added tokens: what is found in a text as it stands ("[MASK]", "<|endoftext|>") before, or after, it is
// normalised.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace athanor {

struct AddedToken {
  std::string content;
  int32_t id = 0;
  bool special = false, normalized = false, strip_left = false, strip_right = false, single_word = false;
};

// Finds the leftmost, among those the longest, and goes on behind it.
class TokenFinder {
 public:
  struct Part {
    size_t begin = 0, end = 0;
    int32_t token = -1;  // -1: text between tokens
  };
  void add(AddedToken token, const std::string& as);
  bool empty() const { return tokens_.empty(); }
  // The parts of `text` in order; spaces that a token strips are in its part.
  void split(std::string_view text, std::vector<Part>& parts) const;

 private:
  const AddedToken* find_at(std::string_view text, size_t at, size_t& length) const;
  std::vector<AddedToken> tokens_;
  std::unordered_map<std::string, size_t> by_text_;
  std::array<std::vector<uint32_t>, 256> lengths_;  // by first byte, the longest first
};

}  // namespace athanor
