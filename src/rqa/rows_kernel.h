// Inside rows.h: what its loops over the cells of a row work on, and the table of them for one kind of
// CPU. Bit j % 64 of word j / 64 is the cell in column j.
#pragma once

#include <cstdint>

#include "src/rqa/screen.h"

namespace athanor::rqa {

// One coordinate at one delay: of all columns, and of the row.
struct RowTerm {
  const float* columns;
  float row;
};

// The row's cells at one m.
struct RowLevel {
  const RowTerm* past_terms;  // behind the last term of m delays
  Screen::Band band;
  uint64_t* words;
  int64_t past_word;  // behind the last word that has a cell; 0: there is none
};

// Cells that only double precision can tell.
struct UnsureCells {
  int64_t level, word;
  uint64_t bits;
};

struct Row {
  const RowTerm* terms;
  int64_t first_word, past_word;
  uint64_t first_cells;  // which of the first word's are looked at
  RowLevel* levels;      // m ascending
  int64_t level_count;
};

// Places where runs of ones start and end. Arrays have room for kWordCells more than a row.
struct Runs {
  uint32_t *starts, *ends, *changed_words;
  int64_t start_count, end_count;
};

struct RowKernel {
  const char* name;
  // [norm]. Fills the levels' words with the cells that are recurrent or unsure; lists the unsure, and
  // returns how many words have such.
  int64_t (*mark[3])(const Row& row, UnsureCells* unsure);
  // Runs start where `after` alone has a one, and end where `before` alone has.
  using FindRuns = void (*)(const uint64_t* before, const uint64_t* after, int64_t first_word,
                            int64_t past_word, Runs& runs);
  FindRuns find_runs;
  FindRuns find_shifted_runs;  // before's bits move up by one, and it has a word before the first
};

extern const RowKernel kRowsPlain;
#if defined(__x86_64__)
extern const RowKernel kRowsAvx2, kRowsAvx512;
#endif

}  // namespace athanor::rqa
