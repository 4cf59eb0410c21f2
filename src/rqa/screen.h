// A series in single precision, scaled so that the largest threshold is a little less than what 16 bits hold:
// distances become whole numbers of which 32 or 64 are compared at once. They tell exactly at which
// thresholds a cell is recurrent, but for the few so near to one that rounding could decide; those are summed
// again in double precision.
#pragma once

#include <cstdint>
#include <limits>
#include <vector>

#include "src/rqa/line_counts.h"

namespace athanor::rqa {

constexpr int64_t kWordCells = 64;  // cells that are handled together
constexpr uint16_t kFar = 0xffff;   // a distance beyond all thresholds
constexpr uint8_t kUnsure = 255;    // a level that only double precision can tell

class Screen {
 public:
  // Of a series with itself, or, with `other` (as many coordinates), of one with another: `other` then
  // follows in the same arrays, from other_start() on. bounds: of sum_bounds(), ascending, kMostThresholds
  // (walk.h) at most. max_delay: the largest (m-1) tau.
  Screen(const Series& series, const Series* other, Norm norm, std::vector<double> bounds, int64_t max_m,
         int64_t max_delay);

  Norm norm() const { return norm_; }
  bool is_cross() const { return other_start_ > 0; }
  int64_t length() const { return length_; }              // of i
  int64_t other_length() const { return other_length_; }  // of j
  int64_t other_start() const { return other_start_; }
  int64_t levels() const { return static_cast<int64_t>(bounds_.size()); }
  // C pointers to the scaled values; after each series come, as far as a walk reads, values that are far from
  // all and from each other.
  const std::vector<const float*>& coordinates() const { return pointers_; }
  // Distances at or above this are beyond the largest threshold, at any m.
  uint16_t limit() const { return limit_; }

  // The number of thresholds that a distance of m delays exceeds, by distance >> kTableShift, or kUnsure.
  static constexpr int kTableShift = 2, kTableMargin = 3;  // entries more, to be read four at a time
  const std::vector<uint8_t>& table(int64_t m) const { return tables_[static_cast<size_t>(m)]; }
  // Of one threshold: sums of m delays, of the scaled values in single precision, below which a cell is
  // recurrent beyond doubt and from which on it is not.
  struct Band {
    float sure_below = 0, beyond = std::numeric_limits<float>::infinity();
  };
  Band band(int64_t m) const;
  // The level in double precision.
  uint8_t exact_level(int64_t m, int64_t tau, int64_t i, int64_t j) const;

 private:
  double choose_scale(int64_t max_m);
  void make_tables(int64_t max_m);

  Series joined_;
  int64_t length_, other_length_, other_start_ = 0;
  Norm norm_;
  std::vector<double> bounds_;
  std::vector<std::vector<float>> values_;
  std::vector<const float*> pointers_;
  double scale_ = 0;  // units of the sum -> whole numbers; 0: every cell is summed in double precision
  double error_ = 0;  // of one delay's term, in whole numbers
  uint16_t limit_ = 0;
  std::vector<std::vector<uint8_t>> tables_;
};

}  // namespace athanor::rqa
