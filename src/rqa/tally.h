// What a walk counts of one m and tau, in memory that it keeps from series to series.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "src/rqa/line_counts.h"
#include "src/rqa/line_differences.h"

namespace athanor::rqa {

// Lines of length 2 and more of one m, and recurrent cells by level. Empty after clear(); its memory stays,
// for the thread's next series.
class Tally {
 public:
  void make_room(int64_t vectors, int64_t thresholds) {
    const int64_t stride = thresholds + 1;
    differences_.resize(std::max(differences_.size(), static_cast<size_t>((vectors + 1) * stride)));
    lines_ = {differences_.data(), stride, 1};
  }
  // By level. Neighbours often have one level, whose counter would have to wait for itself.
  void add_cells(const uint8_t* levels, int64_t count) {
    for (int64_t n = 0; n < count; ++n) ++cells_[static_cast<size_t>(n) % kCounters][levels[n]];
  }
  LineDifferences& differences() { return lines_; }
  std::vector<int64_t> cells() const;
  LineLengths lines() const;
  void clear();

 private:
  std::vector<int32_t> differences_;  // [length, E+1]: of the counts at a threshold and at the one below
  LineDifferences lines_{nullptr, 1, 1};
  static constexpr size_t kCounters = 4;
  std::array<std::array<int64_t, 256>, kCounters> cells_{};  // by level; the sum of all counters
};

}  // namespace athanor::rqa
