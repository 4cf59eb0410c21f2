// From what a walk counts to lengths of lines.
#pragma once

#include <cstdint>
#include <vector>

#include "src/rqa/line_counts.h"

namespace athanor::rqa {

// differences: row `length`, at differences + length * stride, holds the number of lines at each of E
// thresholds less that at the threshold before, from length 2 to `longest`. cells [E]: recurrent; those that
// no longer line has are the lines of length 1.
LineLengths lines_of_differences(const int32_t* differences, int64_t stride, int64_t longest,
                                 const std::vector<int64_t>& cells);

}  // namespace athanor::rqa
