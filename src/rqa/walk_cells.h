// Recurrent cells and their levels, one by one: for the walk's kernels of CPUs that cannot compress a vector.
// See walk_body.h on why nothing here is from the standard library.
#pragma once

#include "src/rqa/walk_kernel.h"

namespace athanor::rqa {
namespace {

inline void append_cells(const LineBlock& block, int64_t n, Cells& cells) {
  const auto first = block.alive[n] * static_cast<uint32_t>(kWordCells);
  for (uint64_t bits = block.cells[n]; bits != 0; bits &= bits - 1) {
    const uint32_t place = first + static_cast<uint32_t>(__builtin_ctzll(bits));
    cells.places[cells.count] = place;
    cells.distances[cells.count++] = block.distances[place];
  }
}

inline void look_up_levels(const uint8_t* table, Cells& cells) {
  for (int64_t c = 0; c < cells.count; ++c) {
    const uint8_t level = table[cells.distances[c] >> Screen::kTableShift];
    cells.levels[c] = level;
    cells.unsure[cells.unsure_count] = static_cast<uint32_t>(c);
    cells.unsure_count += level == kUnsure;
  }
}

}  // namespace
}  // namespace athanor::rqa
