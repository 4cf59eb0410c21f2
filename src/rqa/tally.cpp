#include "src/rqa/tally.h"

namespace athanor::rqa {

std::vector<int64_t> Tally::cells() const {
  std::vector<int64_t> cells(static_cast<size_t>(lines_.stride - 1));
  int64_t sum = 0;
  for (size_t e = 0; e < cells.size(); ++e) {
    for (const auto& counter : cells_) sum += counter[e];
    cells[e] = sum;
  }
  return cells;
}

// Those of length 1 are the cells that no longer line has.
LineLengths Tally::lines() const {
  const auto thresholds = static_cast<size_t>(lines_.stride - 1);
  std::vector<int64_t> rows{1};
  for (int64_t length = 2; length <= lines_.longest; ++length) {
    const int32_t* row = differences_.data() + length * lines_.stride;
    int32_t any = 0;
    for (size_t e = 0; e < thresholds; ++e) any |= row[e];
    if (any != 0) rows.push_back(length);
  }
  LineLengths out{rows, std::vector<int64_t>(rows.size() * thresholds)};
  const std::vector<int64_t> all = cells();
  int64_t* single = out.counts.data();
  std::copy(all.begin(), all.end(), single);
  for (size_t n = 1; n < rows.size(); ++n) {
    const int32_t* row = differences_.data() + rows[n] * lines_.stride;
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

void Tally::clear() {
  std::fill_n(differences_.begin(), (lines_.longest + 1) * lines_.stride, 0);
  for (auto& counter : cells_) std::fill_n(counter.begin(), lines_.stride, 0);
  lines_.longest = 1;
}

}  // namespace athanor::rqa
