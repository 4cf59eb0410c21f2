// Metrics of recurrence quantification from what was counted: C. Webber and J. Zbilut (1994), N. Marwan et
// al. (2007).
#pragma once

#include <vector>

#include "src/rqa/line_counts.h"

namespace athanor::rqa {

// values f64 [E, l_min, metric]. Where a metric has no meaning it is NaN: DET, LAM and ratio without
// recurrent cells; L, ENT, DIV and TT without a line of l_min.
void compute_metrics(const LineCounts& counts, const std::vector<int64_t>& lmin,
                     const std::vector<Metric>& metrics, const Definitions& definitions, double* values);

}  // namespace athanor::rqa
