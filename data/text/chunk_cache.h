// The ids of short pieces of text, by their bytes: a table of fixed size, two places a piece, the older one
// is replaced.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

namespace athanor {

class ChunkCache {
 public:
  static constexpr size_t kLongest = 48, kMostIds = 19;  // bytes and ids of a piece
  struct Key {
    uint64_t words[kLongest / 8];
    uint16_t tag;  // length and circumstances, never 0
  };
  struct alignas(128) Entry {
    uint64_t words[kLongest / 8] = {};
    uint16_t tag = 0;
    uint8_t count = 0, flags = 0;
    int32_t ids[kMostIds] = {};
    void append(std::vector<int32_t>& out) const { out.insert(out.end(), ids, ids + count); }
  };

  // Of text[begin, begin + length), length from 1 to kLongest; `salt` tells apart what 7 bits can.
  static Key key(std::string_view text, size_t begin, size_t length, uint8_t salt) {
    Key key;
    if (begin + kLongest <= text.size()) {
      std::memcpy(key.words, text.data() + begin, kLongest);
      for (size_t i = 0; i < kLongest / 8; ++i) key.words[i] &= mask(length, i);
    } else {
      std::memset(key.words, 0, kLongest);
      std::memcpy(key.words, text.data() + begin, length);
    }
    key.tag = static_cast<uint16_t>(length << 8 | salt);
    return key;
  }

  const Entry* find(const Key& key) const {
    if (entries_.empty()) return nullptr;
    const Entry* pair = &entries_[place(key)];
    if (holds(pair[0], key)) return &pair[0];
    if (holds(pair[1], key)) return &pair[1];
    return nullptr;
  }

  void insert(const Key& key, const int32_t* ids, size_t count, uint8_t flags) {
    if (count > kMostIds) return;
    if (entries_.empty()) entries_.resize(2 * kPairs);
    Entry* pair = &entries_[place(key)];
    pair[1] = pair[0];
    std::memcpy(pair[0].words, key.words, sizeof key.words);
    pair[0].tag = key.tag;
    pair[0].count = static_cast<uint8_t>(count);
    pair[0].flags = flags;
    std::copy_n(ids, count, pair[0].ids);
  }

 private:
  static constexpr size_t kPairs = 1 << 14;  // 4 MiB

  static uint64_t mask(size_t length, size_t word) {
    const size_t bytes = length > 8 * word ? length - 8 * word : 0;
    return bytes >= 8 ? ~0ULL : (1ULL << 8 * bytes) - 1;
  }
  static uint64_t mixed(uint64_t a, uint64_t b) {
    const auto product = static_cast<unsigned __int128>(a) * b;
    return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
  }
  static size_t place(const Key& key) {
    const uint64_t* w = key.words;
    const uint64_t hash = mixed(w[0] ^ 0x9E3779B97F4A7C15ULL, w[1] ^ 0xE7037ED1A0B428DBULL) ^
                          mixed(w[2] ^ 0x8EBC6AF09C88C6E3ULL, w[3] ^ 0x589965CC75374CC3ULL) ^
                          mixed(w[4] ^ 0x1D8E4E27C47D124FULL, w[5] ^ key.tag ^ 0xEB44ACCAB455D165ULL);
    return 2 * (hash & (kPairs - 1));
  }
  static bool holds(const Entry& entry, const Key& key) {
    return entry.tag == key.tag && std::memcmp(entry.words, key.words, sizeof key.words) == 0;
  }

  std::vector<Entry> entries_;
};

}  // namespace athanor
