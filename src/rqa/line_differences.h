// From what a walk counts to lengths of lines.
#pragma once

#include <cstdint>
#include <vector>

#include "src/rqa/line_counts.h"

namespace athanor::rqa {

// Lines of each length from 2 to `longest`, at each of E thresholds, as the number at a threshold less that
// at the one before: of a line of the thresholds [first, past), differences[length * stride + first] is one
// more and that of past one less.
struct LineDifferences {
  int32_t* differences;
  int64_t stride, longest;
};

// cells [E]: recurrent; those that no longer line has are the lines of length 1.
LineLengths lines_of_differences(const LineDifferences& lines, const std::vector<int64_t>& cells);

}  // namespace athanor::rqa
