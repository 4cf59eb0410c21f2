// Inside the walk: what its loops over cells work on, and the table of them for one kind of CPU.
#pragma once

#include <cstdint>

#include "src/rqa/line_differences.h"
#include "src/rqa/screen.h"

namespace athanor::rqa {

// Lines of cells, one after the other, in words of kWordCells; between two lines is a cell at least that is
// never recurrent, so that they can be looked through as one.
struct LineBlock {
  // Of each word: the cells' first i, and their first j on a diagonal, or their only j in a column.
  int32_t* i;
  int32_t* j;
  uint16_t* distances;  // [words, kWordCells]
  uint32_t* alive;  // words that have a recurrent cell (at the largest threshold, as far as the screen tells)
  uint64_t* cells;  // and which they are, [alive]
  int64_t alive_count;
};

struct Coordinates {
  const float* const* values;
  int64_t count;
};

// Recurrent cells of a block, in order. Before the first is room for one more, after the last for kWordCells.
struct Cells {
  uint32_t* places;     // in the block
  uint16_t* distances;  // of use to a kernel alone
  uint8_t* levels;
  uint32_t* unsure;  // those whose level is kUnsure, by their number
  int64_t count, unsure_count;
};

// Where the level that a cell shares with the one before it (the larger one) changes. Before the first line,
// after the last and between two that are apart stands one level that is the number of thresholds: no line's.
struct Changes {
  uint8_t* levels;
  uint32_t* places;  // of the cell; where there is no line, of the end of the one before
};

struct WalkKernel {
  const char* name;
  // [norm][column]. The first delay's distances of `words` words from `word` on, all cells; appends to alive
  // and cells.
  using Start = void (*)(const Coordinates& x, LineBlock& block, int64_t word, int64_t words, uint16_t limit);
  // Adds a delay's, `offset` samples on, to the words that are alive; keeps those that still are.
  using Extend = void (*)(const Coordinates& x, LineBlock& block, int64_t offset, uint16_t limit);
  Start start[3][2];
  Extend extend[3][2];
  // Fills cells from the words that are alive; table: of Screen.
  void (*find_levels)(const LineBlock& block, const uint8_t* table, Cells& cells);
  // Adds the lines of cells whose levels are all known; changes: room for two more than cells, and
  // kWordCells.
  void (*close_lines)(const Cells& cells, uint8_t thresholds, const Changes& changes, LineDifferences& sums);
};

extern const WalkKernel kWalkPlain;
#if defined(__x86_64__)
extern const WalkKernel kWalkAvx2, kWalkAvx512;
#endif

}  // namespace athanor::rqa
