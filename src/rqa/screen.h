// A series in single precision, scaled so that the largest threshold is a little less than what 16 bits hold:
// distances become whole numbers of which 32 or 64 are compared at once. They tell exactly at which
// thresholds a cell is recurrent, but for the few so near to one that rounding could decide; those are summed
// again in double precision.
#pragma once

#include <cstdint>
#include <vector>

#include "src/rqa/line_counts.h"

namespace athanor::rqa {

constexpr int64_t kWordCells = 64;  // cells that are handled together
constexpr uint16_t kFar = 0xffff;   // a distance beyond all thresholds
constexpr uint8_t kUnsure = 255;    // a level that only double precision can tell

class Screen {
 public:
  // bounds: of sum_bounds(), ascending, kMostThresholds (walk.h) at most. max_delay: the largest (m-1) tau.
  Screen(const Series& series, Norm norm, std::vector<double> bounds, int64_t max_m, int64_t max_delay);

  const Series& series() const { return series_; }
  Norm norm() const { return norm_; }
  int64_t length() const { return series_.length(); }
  int64_t levels() const { return static_cast<int64_t>(bounds_.size()); }
  // C pointers to N scaled values and then, up to what a walk reads beyond, values that are far from all and
  // from each other.
  const std::vector<const float*>& coordinates() const { return pointers_; }
  // Distances at or above this are beyond the largest threshold, at any m.
  uint16_t limit() const { return limit_; }

  // The number of thresholds that a distance of m delays exceeds, by distance >> kTableShift, or kUnsure.
  static constexpr int kTableShift = 2;
  const std::vector<uint8_t>& table(int64_t m) const { return tables_[static_cast<size_t>(m)]; }
  // The same in double precision.
  uint8_t exact_level(int64_t m, int64_t tau, int64_t i, int64_t j) const;

 private:
  double choose_scale(int64_t max_m);
  void make_tables(int64_t max_m);

  const Series& series_;
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
