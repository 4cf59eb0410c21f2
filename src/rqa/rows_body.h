// Loops over the cells of a row, for the target that the includer has set by `#pragma GCC target`; it
// gives, in this namespace, Sums (of 64 cells, zero to begin with) with add and below. Calls nothing from
// the standard library (walk_body.h says why).
#include "src/rqa/rows_kernel.h"

namespace athanor::rqa {
namespace {

// What is not recurrent at m is not at m+1.
template <Norm kNorm>
int64_t mark(const Row& row, UnsureCells* unsure) {
  int64_t unsure_count = 0;
  uint64_t within = row.first_cells;
  for (int64_t level = 0; level < row.level_count; ++level) row.levels[level].past_word = 0;
  for (int64_t word = row.first_word; word < row.past_word; ++word) {
    Sums sums{};
    const RowTerm* term = row.terms;
    int64_t level = 0;
    for (; level < row.level_count; ++level) {
      RowLevel& at = row.levels[level];
      for (; term != at.past_terms; ++term)
        sums.template add<kNorm>(term->columns + word * kWordCells, term->row);
      const uint64_t cells = sums.below(at.band.beyond) & within;
      at.words[word] = cells;
      if (cells == 0) break;
      at.past_word = word + 1;
      const uint64_t between = cells & ~sums.below(at.band.sure_below);
      if (between != 0) [[unlikely]]
        unsure[unsure_count++] = {level, word, between};
    }
    for (; level < row.level_count; ++level) row.levels[level].words[word] = 0;
    within = ~uint64_t{0};
  }
  return unsure_count;
}

// Writes two places at least, for few words have more and a branch for each would often be mispredicted;
// those beyond the count are of no use.
[[gnu::always_inline]] inline void append_places(uint64_t bits, int64_t word, uint32_t* to, int64_t& count) {
  constexpr uint64_t kLast = uint64_t{1} << (kWordCells - 1);
  uint32_t* next = to + count;
  count += __builtin_popcountll(bits);
  const auto first = static_cast<uint32_t>(word * kWordCells);
  do {
    for (int n = 0; n < 2; ++n) {
      *next++ = first + static_cast<uint32_t>(__builtin_ctzll(bits | kLast));
      bits &= bits - 1;
    }
  } while (bits != 0);
}

template <bool kShift>
void find_runs(const uint64_t* before, const uint64_t* after, int64_t first_word, int64_t past_word,
               Runs& runs) {
  const auto before_at = [&](int64_t word) {
    return kShift ? before[word] << 1 | before[word - 1] >> (kWordCells - 1) : before[word];
  };
  int64_t changed = 0, starts = 0, ends = 0;
  for (int64_t word = first_word; word < past_word; ++word) {
    runs.changed_words[changed] = static_cast<uint32_t>(word);
    changed += before_at(word) != after[word];
  }
  for (int64_t n = 0; n < changed; ++n) {
    const int64_t word = runs.changed_words[n];
    const uint64_t old = before_at(word), now = after[word];
    append_places(now & ~old, word, runs.starts, starts);
    append_places(old & ~now, word, runs.ends, ends);
  }
  runs.start_count = starts, runs.end_count = ends;
}

constexpr RowKernel row_kernel_of(const char* name) {
  return {name, {mark<Norm::kL1>, mark<Norm::kL2>, mark<Norm::kLinf>}, find_runs<false>, find_runs<true>};
}

}  // namespace
}  // namespace athanor::rqa
