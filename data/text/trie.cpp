#include "data/text/trie.h"

#include <algorithm>
#include <cstddef>

namespace athanor {

Trie::Trie() : units_(257) {}

Trie::Trie(std::vector<std::pair<std::string_view, int32_t>> entries) : units_(1024) {
  std::stable_sort(entries.begin(), entries.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  struct Task {
    uint32_t node;
    size_t begin, end, depth;
  };
  std::vector<Task> tasks{{kRoot, 0, entries.size(), 0}};
  std::vector<unsigned char> bytes;
  std::vector<size_t> begins;
  while (!tasks.empty()) {
    Task task = tasks.back();
    tasks.pop_back();
    for (; task.begin < task.end && entries[task.begin].first.size() == task.depth; ++task.begin)
      if (task.depth > 0) units_[task.node].value = entries[task.begin].second;
    if (task.begin == task.end) continue;
    bytes.clear();
    begins.clear();
    for (size_t i = task.begin; i < task.end; ++i) {
      const auto byte = static_cast<unsigned char>(entries[i].first[task.depth]);
      if (!bytes.empty() && bytes.back() == byte) continue;
      bytes.push_back(byte);
      begins.push_back(i);
    }
    begins.push_back(task.end);
    const uint32_t base = find_base(bytes);
    units_[task.node].base = base;
    for (size_t i = 0; i < bytes.size(); ++i) units_[base + bytes[i]].parent = task.node;
    for (size_t i = bytes.size(); i-- > 0;)
      tasks.push_back({base + bytes[i], begins[i], begins[i + 1], task.depth + 1});
  }
}

// The lowest base at which every byte falls on a free unit. The search starts behind a stretch that is nearly
// full, so that building takes time in proportion to the keys.
uint32_t Trie::find_base(const std::vector<unsigned char>& bytes) {
  while (units_[first_free_].parent != kFree) ++first_free_;
  const uint32_t begin = std::max<uint32_t>(first_free_, bytes.front() + 1U);
  uint32_t taken_units = 0;
  for (uint32_t at = begin;; ++at) {
    if (at + 512 > units_.size()) units_.resize(units_.size() * 2);
    if (units_[at].parent != kFree) {
      ++taken_units;
      continue;
    }
    const uint32_t base = at - bytes.front();
    const auto taken = [&](unsigned char byte) { return units_[base + byte].parent != kFree; };
    if (std::any_of(bytes.begin(), bytes.end(), taken)) continue;
    if (taken_units > 64 && taken_units * 20ULL > (at - begin) * 19ULL) first_free_ = at;
    return base;
  }
}

}  // namespace athanor
