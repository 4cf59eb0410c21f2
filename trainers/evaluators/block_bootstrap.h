// The moving-block bootstrap (Künsch 1989) of statistics that are functions of sums over samples:
// neighbouring samples of a time series overlap, so whole blocks of them are drawn. A resample costs one
// difference of prefix sums a block instead of a visit to each sample.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace athanor {

struct BootstrapOptions {
  int64_t resamples = 1000;
  int64_t block = 1;  // samples; at most a fifth of them is used
  uint64_t seed = 1;
};

// Columns of additive quantities, one row a sample in the order of time.
class SampleSums {
 public:
  SampleSums(int64_t samples, int64_t columns);
  // Row `sample`, to be filled in before the first sum.
  std::span<double> row(int64_t sample);
  // Turns rows into prefix sums; called once, after all rows are filled.
  void accumulate();

  int64_t samples() const { return samples_; }
  int64_t columns() const { return columns_; }
  // sums[c] += the sum of column c over [first, first+count).
  void add(int64_t first, int64_t count, std::span<double> sums) const;

 private:
  int64_t samples_, columns_;
  std::vector<double> prefix_;  // row i+1 holds sample i, then the sum of samples 0..i
};

// sums [columns] -> statistics [statistics]
using Statistic = std::function<void(std::span<const double> sums, std::span<double> statistics)>;

// resamples × statistics, row by row; depends on the options alone, not on threads.
std::vector<double> block_bootstrap(const SampleSums& sums, const BootstrapOptions& options,
                                    int64_t statistics, const Statistic& statistic);

// The block length that is used for so many samples.
int64_t effective_block(const BootstrapOptions& options, int64_t samples);

struct Interval {
  double low = 0;
  double high = 0;
};
// The central `confidence` of the values, between order statistics as numpy.percentile does.
Interval percentile_interval(std::vector<double> values, double confidence);

}  // namespace athanor
