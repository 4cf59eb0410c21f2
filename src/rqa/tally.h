// What a walk counts of one m and tau, in memory that it keeps from series to series.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "src/rqa/line_counts.h"

namespace athanor::rqa {

// Lines of length 2 and more of one m, and recurrent cells by level. Empty after clear(); its memory stays,
// for the thread's next series.
class Tally {
 public:
  void make_room(int64_t vectors, int64_t thresholds) {
    stride_ = thresholds + 1;
    differences_.resize(std::max(differences_.size(), static_cast<size_t>((vectors + 1) * stride_)));
  }
  // The n-th cell that is looked at: neighbours often have one level, whose counter would have to wait for
  // itself.
  void add_cell(uint8_t level, int64_t n) { ++cells_[static_cast<size_t>(n) % kCounters][level]; }
  void add_cells(uint8_t level, int64_t count) { cells_[0][level] += count; }
  // Of the thresholds [first, past).
  void add_line(int64_t length, int first, int past) {
    int32_t* row = differences_.data() + length * stride_;
    ++row[first];
    --row[past];
    longest_ = std::max(longest_, length);
  }
  std::vector<int64_t> cells() const;
  LineLengths lines() const;
  void clear();

 private:
  int64_t stride_ = 1, longest_ = 1;
  std::vector<int32_t> differences_;  // [length, E+1]: of the counts at a threshold and at the one below
  static constexpr size_t kCounters = 4;
  std::array<std::array<int64_t, 256>, kCounters> cells_{};  // by level; the sum of all counters
};

}  // namespace athanor::rqa
