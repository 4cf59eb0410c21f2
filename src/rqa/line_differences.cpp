#include "src/rqa/line_differences.h"

#include <algorithm>

#include "src/ops/clones.h"

namespace athanor::rqa {
namespace {

ATHANOR_CLONES bool any(const int32_t* row, int64_t thresholds) {
  int32_t bits = 0;
  for (int64_t e = 0; e < thresholds; ++e) bits |= row[e];
  return bits != 0;
}

// counts: the running sums of row; single: `length` cells fewer for each.
ATHANOR_CLONES void add_row(const int32_t* __restrict row, int64_t thresholds, int64_t length,
                            int64_t* __restrict counts, int64_t* __restrict single) {
  int64_t sum = 0;
  for (int64_t e = 0; e < thresholds; ++e) counts[e] = sum += row[e];
  for (int64_t e = 0; e < thresholds; ++e) single[e] -= length * counts[e];
}

}  // namespace

LineLengths lines_of_differences(const LineDifferences& lines, const std::vector<int64_t>& cells) {
  const auto thresholds = static_cast<int64_t>(cells.size());
  std::vector<int64_t> rows{1};
  for (int64_t length = 2; length <= lines.longest; ++length) {
    if (any(lines.differences + length * lines.stride, thresholds)) rows.push_back(length);
  }
  LineLengths out{rows, std::vector<int64_t>(rows.size() * cells.size())};
  int64_t* single = out.counts.data();
  std::copy(cells.begin(), cells.end(), single);
  for (size_t n = 1; n < rows.size(); ++n) {
    add_row(lines.differences + rows[n] * lines.stride, thresholds, rows[n], single + n * cells.size(),
            single);
  }
  if (std::all_of(single, single + thresholds, [](int64_t count) { return count == 0; })) {
    out.lengths.erase(out.lengths.begin());
    out.counts.erase(out.counts.begin(), out.counts.begin() + thresholds);
  }
  return out;
}

}  // namespace athanor::rqa
