// What recurrence quantification counts in a recurrence matrix, at every threshold: recurrent cells and the
// lengths of lines. Integers, from which every metric follows. line_counts.cpp counts them plainly, cell by
// cell: the reference for walk.h, which is what programs call.
#pragma once

#include <cstdint>
#include <vector>

#include "src/rqa/analyse.h"

namespace athanor::rqa {

// Lines of each length that occurs, at each of E thresholds.
struct LineLengths {
  std::vector<int64_t> lengths;  // ascending
  std::vector<int64_t> counts;   // [lengths, E]
  bool operator==(const LineLengths&) const = default;
};

// Of one (m, tau) with M delay vectors. The matrix is symmetric: diagonal lines and cells are those above the
// main diagonal alone; what the Theiler window leaves out is in neither `diagonal` nor `cells`.
struct LineCounts {
  int64_t vectors = 0;                   // M
  int64_t other_vectors = 0;             // of the other series; 0: there is none
  std::vector<int64_t> cells;            // [E] recurrent, max(theiler, 1) <= j - i
  std::vector<int64_t> cells_in_window;  // [E] recurrent, 1 <= j - i < theiler
  LineLengths diagonal;
  LineLengths vertical;                    // of the whole matrix; empty unless asked for
  std::vector<int64_t> cells_by_diagonal;  // [E][M] recurrent at j - i = k; empty unless asked for (trend)
  bool operator==(const LineCounts&) const = default;
};

struct Wanted {
  bool vertical = false, by_diagonal = false;
};
Wanted wanted_for(const std::vector<Metric>& metrics);

// ε as a bound b on what is summed up (squares for L2), so that distance <= ε exactly if sum <= b: the
// largest such double; with definitions.strict, distance < ε exactly if sum <= b. eps in standard deviations
// are scaled by the series' own, or by that of both series.
std::vector<double> sum_bounds(const Series& series, const std::vector<double>& eps,
                               const Definitions& definitions, const Series* other = nullptr);
Norm norm_of(const Series& series, const Definitions& definitions);

// The sum (maximum for L∞) over m delays, and at each over the coordinates, of |Δ| or Δ²: in this order, in
// double.
double distance_sum(const Series& series, Norm norm, int64_t m, int64_t tau, int64_t i, int64_t j);

// Every cell of the matrix at every threshold: O(E m M²), O(M²) memory.
LineCounts count_lines_plainly(const Series& series, int64_t m, int64_t tau,
                               const std::vector<double>& bounds, const Definitions& definitions,
                               const Wanted& wanted);

// The same of the cross-recurrence matrix of two series.
LineCounts count_cross_lines_plainly(const Series& series, const Series& other, int64_t m, int64_t tau,
                                     const std::vector<double>& bounds, const Definitions& definitions,
                                     const Wanted& wanted);

}  // namespace athanor::rqa
