// The walk's loops over cells, for the target that the includer has set by `#pragma GCC target`; it gives, in
// this namespace, Word (64 distances) with load, store, combine and below, `terms`, append_cells,
// append_changes and close_changes. Calls nothing from the standard library: a shared template compiled for
// AVX-512 could be linked into code for every CPU.
#include "src/rqa/walk_kernel.h"

namespace athanor::rqa {
namespace {

template <Norm kNorm, bool kColumn>
void start_words(const Coordinates& x, LineBlock& block, int64_t word, int64_t words, uint16_t limit) {
  int64_t alive = block.alive_count;
  for (int64_t w = word; w < word + words; ++w) {
    const Word distances = terms<kNorm, kColumn>(x, block.i[w], block.j[w]);
    distances.store(block.distances + w * kWordCells);
    const uint64_t cells = distances.below(limit);
    block.alive[alive] = static_cast<uint32_t>(w);
    block.cells[alive] = cells;
    alive += cells != 0;
  }
  block.alive_count = alive;
}

template <Norm kNorm, bool kColumn>
void extend_words(const Coordinates& x, LineBlock& block, int64_t offset, uint16_t limit) {
  int64_t alive = 0;
  for (int64_t n = 0; n < block.alive_count; ++n) {
    const uint32_t w = block.alive[n];
    const Word more = terms<kNorm, kColumn>(x, block.i[w] + offset, block.j[w] + offset);
    const Word distances = Word::load(block.distances + w * kWordCells).template combine<kNorm>(more);
    distances.store(block.distances + w * kWordCells);
    const uint64_t cells = distances.below(limit);
    block.alive[alive] = w;
    block.cells[alive] = cells;
    alive += cells != 0;
  }
  block.alive_count = alive;
}

void find_levels(const LineBlock& block, const uint8_t* table, Cells& cells) {
  cells.count = cells.unsure_count = 0;
  for (int64_t n = 0; n < block.alive_count; ++n) append_cells(block, n, cells);
  look_up_levels(table, cells);
}

void close_lines(const Cells& cells, uint8_t thresholds, const Changes& changes, LineDifferences& sums) {
  int64_t count = 1;
  changes.levels[0] = thresholds;
  uint8_t before = thresholds;
  for (int64_t at = 0; at < cells.count; at += kWordCells)
    count = append_changes(cells, at, thresholds, before, changes, count);
  if (before != thresholds) {
    changes.levels[count] = thresholds;
    changes.places[count++] = cells.places[cells.count - 1] + 1;
  }
  close_changes(changes, count, thresholds, sums);
}

constexpr WalkKernel kernel_of(const char* name) {
  return {name,
          {{start_words<Norm::kL1, false>, start_words<Norm::kL1, true>},
           {start_words<Norm::kL2, false>, start_words<Norm::kL2, true>},
           {start_words<Norm::kLinf, false>, start_words<Norm::kLinf, true>}},
          {{extend_words<Norm::kL1, false>, extend_words<Norm::kL1, true>},
           {extend_words<Norm::kL2, false>, extend_words<Norm::kL2, true>},
           {extend_words<Norm::kLinf, false>, extend_words<Norm::kLinf, true>}},
          find_levels,
          close_lines};
}

}  // namespace
}  // namespace athanor::rqa
