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

LineLengths Tally::lines() const { return lines_of_differences(lines_, cells()); }

void Tally::clear() {
  std::fill_n(differences_.begin(), (lines_.longest + 1) * lines_.stride, 0);
  for (auto& counter : cells_) std::fill_n(counter.begin(), lines_.stride, 0);
  lines_.longest = 1;
}

}  // namespace athanor::rqa
