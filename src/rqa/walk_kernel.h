// Inside the walk: what its loops over cells work on, and the table of them for one kind of CPU.
#pragma once

#include <cstdint>

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

// Levels of recurrent cells, in order, and where they are in the block. Before the first stands a cell of no
// line.
struct Levels {
  uint32_t* places;
  uint8_t* levels;
  uint8_t* pairs;  // the larger level of a cell and the one before it; the number of thresholds where there
                   // is none
  uint32_t* changes;  // where pairs differ from the one before
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
  // Which of 64 distances are below.
  uint64_t (*below)(const uint16_t* distances, uint16_t limit);
  // Places of the recurrent cells of the words that are alive; returns how many.
  int64_t (*places)(const LineBlock& block, uint32_t* places);
  // Fills pairs and changes from places and levels [count]; returns how many changes. Arrays have room for
  // kWordCells more.
  int64_t (*changes)(const Levels& levels, int64_t count, uint8_t thresholds);
};

extern const WalkKernel kWalkPlain;
#if defined(__x86_64__)
extern const WalkKernel kWalkAvx2, kWalkAvx512;
#endif

}  // namespace athanor::rqa
