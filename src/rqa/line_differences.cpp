#include "src/rqa/line_differences.h"

#include <algorithm>

namespace athanor::rqa {

LineLengths lines_of_differences(const int32_t* differences, int64_t stride, int64_t longest,
                                 const std::vector<int64_t>& cells) {
  const size_t thresholds = cells.size();
  std::vector<int64_t> rows{1};
  for (int64_t length = 2; length <= longest; ++length) {
    const int32_t* row = differences + length * stride;
    int32_t any = 0;
    for (size_t e = 0; e < thresholds; ++e) any |= row[e];
    if (any != 0) rows.push_back(length);
  }
  LineLengths out{rows, std::vector<int64_t>(rows.size() * thresholds)};
  int64_t* single = out.counts.data();
  std::copy(cells.begin(), cells.end(), single);
  for (size_t n = 1; n < rows.size(); ++n) {
    const int32_t* row = differences + rows[n] * stride;
    int64_t* to = single + n * thresholds;
    int64_t sum = 0;
    for (size_t e = 0; e < thresholds; ++e) to[e] = sum += row[e];
    for (size_t e = 0; e < thresholds; ++e) single[e] -= rows[n] * to[e];
  }
  if (std::all_of(single, single + thresholds, [](int64_t count) { return count == 0; })) {
    out.lengths.erase(out.lengths.begin());
    out.counts.erase(out.counts.begin(), out.counts.begin() + static_cast<int64_t>(thresholds));
  }
  return out;
}

}  // namespace athanor::rqa
