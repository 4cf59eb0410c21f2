// What the GPU does for one line (a diagonal or a column) of one recurrence matrix, and which of its threads
// does which line. Compiled for the CPU too, where tests run it block by block against the plain count.
// C++17, which nvcc takes. Distances are summed in double precision in the order of distance_sum(), nothing
// is fused, and counts are whole numbers: the order of threads makes no difference.
#pragma once

#include <cmath>
#include <cstdint>

#include "src/ops/cuda/host_device.h"
#include "src/rqa/definitions.h"

namespace athanor::rqa {

constexpr int32_t kMostOpenLines = 254;  // thresholds at a time: kMostThresholds (walk.h)
constexpr int32_t kBlockThreads = 256;   // on the GPU; a thread has a line

// Of one (m, tau).
struct LineMatrix {
  int32_t m, tau, vectors;
};

// Whose recurrent cells: of diagonals outside the Theiler window, of those inside, of columns.
enum CellsOf { kOutsideWindow, kInsideWindow, kColumns, kCellKinds };

// All lines of some matrices of one series, at E thresholds. Pointers are of the CPU's memory or the GPU's.
struct LineCall {
  const double* values;        // [C,N]
  const double* bounds;        // [E] ascending, of sum_bounds()
  const LineMatrix* matrices;  // [matrix_count]
  int32_t coordinates, length, thresholds, matrix_count;
  int32_t most_vectors;  // of any matrix
  Norm norm;
  int32_t theiler;
  bool vertical_has_main;
  bool vertical, by_diagonal;  // what is wanted
  int32_t block_threads;       // lines of a block
  int32_t short_rows;          // lines of length 2 to short_rows + 1 are counted in the block's own memory

  // Differences [length, matrix, E+1] of the number of lines at a threshold and at the one below, from length
  // 2 on; rows up to most_vectors, of which those up to `longest` are filled.
  int32_t* diagonal_lines;
  int32_t* vertical_lines;
  int32_t* longest;            // [2] of diagonal and of vertical lines; 0: none of length 2
  unsigned long long* cells;   // [matrix, kCellKinds, E] by level
  int32_t* by_diagonal_cells;  // [matrix, E, most_vectors] by level and j - i
};

// Blocks that a call takes for its diagonals or columns. Neighbours are of different matrices, and the first
// ones have the diagonals that are longest.
ATHANOR_BOTH inline int64_t block_count(const LineCall& call, bool columns) {
  const int64_t lines = call.most_vectors - (columns ? 0 : 1);
  return (lines + call.block_threads - 1) / call.block_threads * call.matrix_count;
}

struct LinePlace {
  int32_t matrix;
  int32_t line;  // the diagonal j - i, or the column j
  bool exists;
};
ATHANOR_BOTH inline LinePlace line_place(const LineCall& call, bool columns, int64_t block, int32_t thread) {
  const auto matrix = static_cast<int32_t>(block % call.matrix_count);
  const auto group = static_cast<int32_t>(block / call.matrix_count);
  const int32_t line = group * call.block_threads + thread + (columns ? 0 : 1);
  return {matrix, line, line < call.matrices[matrix].vectors};
}

// A block's own counts: cells [kCellKinds, E], then short lines [short_rows, E+1].
ATHANOR_BOTH inline int32_t block_words(const LineCall& call) {
  return kCellKinds * call.thresholds + call.short_rows * (call.thresholds + 1);
}

template <class Count>
ATHANOR_BOTH inline void add_to(Count* count, Count more) {
#if defined(__CUDA_ARCH__)
  atomicAdd(count, more);
#else
  *count += more;
#endif
}

ATHANOR_BOTH inline void raise_to(int32_t* largest, int32_t value) {
#if defined(__CUDA_ARCH__)
  atomicMax(largest, value);
#else
  *largest = *largest < value ? value : *largest;
#endif
}

ATHANOR_BOTH inline int64_t lines_at(const LineCall& call, int32_t length, int32_t matrix) {
  return (static_cast<int64_t>(length) * call.matrix_count + matrix) * (call.thresholds + 1);
}

// Where a thread counts.
class LineSink {
 public:
  ATHANOR_BOTH LineSink(const LineCall& call, bool columns, const LinePlace& place, int32_t* words)
      : call_(call), place_(place), lines_(columns ? call.vertical_lines : call.diagonal_lines) {
    const bool in_window = !columns && place.line < call.theiler;
    cells_ = words + (columns ? kColumns : in_window ? kInsideWindow : kOutsideWindow) * call.thresholds;
    short_lines_ = words + kCellKinds * call.thresholds;
    counts_lines_ = !in_window;
    by_diagonal_ = columns || !call.by_diagonal
                       ? nullptr
                       : call.by_diagonal_cells + place.line +
                             static_cast<int64_t>(place.matrix) * call.thresholds * call.most_vectors;
  }
  ATHANOR_BOTH void add_cell(int32_t level) {
    add_to(cells_ + level, 1);
    if (by_diagonal_ != nullptr)  // which no other thread has
      ++by_diagonal_[static_cast<int64_t>(level) * call_.most_vectors];
  }
  // Of the thresholds [first, past). Those of one cell follow from the number of cells.
  ATHANOR_BOTH void add_line(int32_t length, int32_t first, int32_t past) {
    if (length < 2 || !counts_lines_) return;
    longest_ = longest_ < length ? length : longest_;
    if (length - 2 < call_.short_rows) {
      int32_t* row = short_lines_ + (length - 2) * (call_.thresholds + 1);
      add_to(row + first, 1);
      add_to(row + past, -1);
    } else {
      int32_t* row = lines_ + lines_at(call_, length, place_.matrix);
      add_to(row + first, 1);
      add_to(row + past, -1);
    }
  }
  ATHANOR_BOTH int32_t longest() const { return longest_; }

 private:
  const LineCall& call_;
  LinePlace place_;
  int32_t *lines_, *cells_, *short_lines_, *by_diagonal_;
  bool counts_lines_;
  int32_t longest_ = 0;
};

// Lines of all thresholds at once: those of [level, the one below on the stack) began at its start. Where the
// level rises from v to w, those of [v,w) end.
class OpenLines {
 public:
  ATHANOR_BOTH explicit OpenLines(int32_t none) : level_(none) {}
  ATHANOR_BOTH int32_t level() const { return level_; }
  ATHANOR_BOTH void move_to(int32_t next, int32_t at, LineSink& sink) {
    if (next < level_) {
      open_[depth_++] = static_cast<uint32_t>(at) << kUptoBits | static_cast<uint32_t>(level_);
      level_ = next;
    }
    while (level_ < next) {
      const uint32_t top = open_[depth_ - 1];
      const auto upto = static_cast<int32_t>(top & ((1U << kUptoBits) - 1));
      const int32_t closed = upto < next ? upto : next;
      sink.add_line(at - static_cast<int32_t>(top >> kUptoBits), level_, closed);
      depth_ -= upto <= next;
      level_ = closed;
    }
  }

 private:
  static constexpr int kUptoBits = 8;
  int32_t level_, depth_ = 0;
  uint32_t open_[kMostOpenLines];  // where it began, and the threshold before which it ends
};

ATHANOR_BOTH inline double plus(double a, double b) {
#if defined(__CUDA_ARCH__)
  return __dadd_rn(a, b);
#else
  return a + b;
#endif
}

ATHANOR_BOTH inline double square(double a) {
#if defined(__CUDA_ARCH__)
  return __dmul_rn(a, a);
#else
  return a * a;
#endif
}

// Of samples i and j, over the coordinates.
template <Norm kNorm>
ATHANOR_BOTH inline double distance_term(const LineCall& call, int32_t i, int32_t j) {
  double term = 0;
  for (int32_t c = 0; c < call.coordinates; ++c) {
    const double* values = call.values + static_cast<int64_t>(c) * call.length;
    const double difference = fabs(plus(values[i], -values[j]));
    if (kNorm == Norm::kLinf)
      term = term < difference ? difference : term;
    else
      term = plus(term, kNorm == Norm::kL2 ? square(difference) : difference);
  }
  return term;
}

// How many thresholds the distance of the delay vectors i and j exceeds. Sums only grow: most end after a
// delay or two, beyond the largest.
template <Norm kNorm>
ATHANOR_BOTH inline int32_t level_of(const LineCall& call, const LineMatrix& matrix, int32_t i, int32_t j) {
  const double largest = call.bounds[call.thresholds - 1];
  double total = 0;
  for (int32_t delay = 0; delay < matrix.m * matrix.tau; delay += matrix.tau) {
    const double term = distance_term<kNorm>(call, i + delay, j + delay);
    total = kNorm != Norm::kLinf ? plus(total, term) : total < term ? term : total;
    if (!(total <= largest)) return call.thresholds;
  }
  int32_t low = 0, high = call.thresholds - 1;
  while (low < high) {
    const int32_t middle = (low + high) / 2;
    if (call.bounds[middle] < total)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

template <Norm kNorm, bool kOfColumns>
ATHANOR_BOTH inline void walk_line(const LineCall& call, const LinePlace& place, LineSink& sink) {
  const LineMatrix matrix = call.matrices[place.matrix];
  const int32_t cells = kOfColumns ? matrix.vectors : matrix.vectors - place.line, none = call.thresholds;
  const int32_t window = kOfColumns && !call.vertical_has_main ? call.theiler : 0;
  OpenLines open(none);
  for (int32_t i = 0; i < cells; ++i) {
    const int32_t j = kOfColumns ? place.line : i + place.line;
    const bool left_out = kOfColumns && i - j < window && j - i < window;
    const int32_t level = left_out ? none : level_of<kNorm>(call, matrix, i, j);
    if (level < none) sink.add_cell(level);
    if (level != open.level()) open.move_to(level, i, sink);
  }
  open.move_to(none, cells, sink);
}

// A block of threads does these three one after the other, each after all threads have done the one before.
ATHANOR_BOTH inline void clear_words(const LineCall& call, int32_t thread, int32_t* words) {
  for (int32_t w = thread; w < block_words(call); w += call.block_threads) words[w] = 0;
}

template <Norm kNorm, bool kOfColumns>
ATHANOR_BOTH inline void walk_own_line(const LineCall& call, int64_t block, int32_t thread, int32_t* words) {
  const LinePlace place = line_place(call, kOfColumns, block, thread);
  if (!place.exists) return;
  LineSink sink(call, kOfColumns, place, words);
  walk_line<kNorm, kOfColumns>(call, place, sink);
  if (sink.longest() > 0) raise_to(call.longest + (kOfColumns ? 1 : 0), sink.longest());
}

ATHANOR_BOTH inline void add_words(const LineCall& call, bool columns, int64_t block, int32_t thread,
                                   const int32_t* words) {
  const int32_t matrix = line_place(call, columns, block, 0).matrix, cells = kCellKinds * call.thresholds;
  int32_t* lines = columns ? call.vertical_lines : call.diagonal_lines;
  for (int32_t w = thread; w < block_words(call); w += call.block_threads) {
    if (words[w] == 0) continue;
    const int32_t line = w - cells, row = line / (call.thresholds + 1);
    if (w < cells)
      add_to(call.cells + static_cast<int64_t>(matrix) * cells + w,
             static_cast<unsigned long long>(words[w]));
    else
      add_to(lines + lines_at(call, row + 2, matrix) + line - row * (call.thresholds + 1), words[w]);
  }
}

}  // namespace athanor::rqa
