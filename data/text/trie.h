// A double-array trie over bytes (Aoe 1989): one addition and one comparison a byte, for vocabularies that
// are looked up by every prefix of a text. Left out: changing it once it is built.
#pragma once

#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

namespace athanor {

class Trie {
 public:
  static constexpr int32_t kNone = -1;
  static constexpr uint32_t kRoot = 0;

  Trie();
  // Keys of at least one byte and their values, at least 0. Of equal keys the last counts.
  explicit Trie(std::vector<std::pair<std::string_view, int32_t>> entries);

  // Goes from `node` along `byte`; false where no key goes there.
  bool step(uint32_t& node, unsigned char byte) const {
    const uint32_t next = units_[node].base + byte;
    if (units_[next].parent != node) return false;
    node = next;
    return true;
  }
  bool step(uint32_t& node, std::string_view bytes) const {
    for (const char byte : bytes)
      if (!step(node, static_cast<unsigned char>(byte))) return false;
    return true;
  }
  // The value of the key that ends at `node`, or kNone.
  int32_t value(uint32_t node) const { return units_[node].value; }
  int32_t find(std::string_view key) const {
    uint32_t node = kRoot;
    return !key.empty() && step(node, key) ? value(node) : kNone;
  }

 private:
  struct Unit {
    uint32_t base = 0, parent = kFree;
    int32_t value = kNone;
  };
  static constexpr uint32_t kFree = 0xFFFFFFFF;
  uint32_t find_base(const std::vector<unsigned char>& bytes);

  std::vector<Unit> units_;  // 256 free ones at the end, so that no step leaves it
  uint32_t first_free_ = 1;
};

}  // namespace athanor
