// The lines of one threshold in one pass over half of the recurrence matrix, row by row: what walk.h
// counts at many thresholds at once. A row's cells are bits; lines start and end where a bit differs from
// its neighbour's on the diagonal or in the column, in the row before, so that only the ends of lines are
// looked at one by one. The matrix is symmetric: a row's own runs are the lower part of the column that
// meets it on the main diagonal.
#pragma once

#include <vector>

#include "src/rqa/line_counts.h"
#include "src/rqa/screen.h"

namespace athanor::rqa {

struct RowKernel;   // rows_kernel.h
struct WalkKernel;  // walk.h

// The loops over rows for the kind of CPU that the walk's are for.
const RowKernel& row_kernel(const WalkKernel& kernel);

// Counts by m, of a screen of one threshold: equal to count_lines_plainly(), or
// count_cross_lines_plainly() where the screen is of two series. wanted_m [largest m + 1]; without vectors
// where m is not wanted or fewer than two delay vectors remain. Memory: about 40 bytes times the samples,
// for each m.
std::vector<LineCounts> count_rows(const Screen& screen, const std::vector<bool>& wanted_m, int64_t tau,
                                   const Definitions& definitions, const Wanted& wanted,
                                   const RowKernel& kernel);

}  // namespace athanor::rqa
