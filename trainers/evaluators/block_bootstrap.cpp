#include "trainers/evaluators/block_bootstrap.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>

#include "src/core/random.h"

namespace athanor {

SampleSums::SampleSums(int64_t samples, int64_t columns)
    : samples_(samples), columns_(columns), prefix_((samples + 1) * columns, 0.0) {}

std::span<double> SampleSums::row(int64_t sample) {
  return {prefix_.data() + (sample + 1) * columns_, static_cast<size_t>(columns_)};
}

void SampleSums::accumulate() {
  const auto size = static_cast<int64_t>(prefix_.size());
  for (int64_t i = columns_; i < size; ++i) prefix_[i] += prefix_[i - columns_];
}

void SampleSums::add(int64_t first, int64_t count, std::span<double> sums) const {
  const double* before = prefix_.data() + first * columns_;
  const double* after = before + count * columns_;
  for (int64_t c = 0; c < columns_; ++c) sums[c] += after[c] - before[c];
}

int64_t effective_block(const BootstrapOptions& options, int64_t samples) {
  return std::clamp<int64_t>(options.block, 1, std::max<int64_t>(1, samples / 5));
}

std::vector<double> block_bootstrap(const SampleSums& sums, const BootstrapOptions& options,
                                    int64_t statistics, const Statistic& statistic) {
  const int64_t samples = sums.samples();
  const int64_t block = effective_block(options, samples);
  std::vector<double> all(options.resamples * statistics);
  at::parallel_for(0, options.resamples, 16, [&](int64_t begin, int64_t end) {
    std::vector<double> drawn(sums.columns());
    for (int64_t resample = begin; resample < end; ++resample) {
      Rng rng(mix_seed(options.seed, static_cast<uint64_t>(resample)));
      std::fill(drawn.begin(), drawn.end(), 0.0);
      for (int64_t filled = 0; filled < samples; filled += block) {
        const auto first = static_cast<int64_t>(rng.below(static_cast<uint64_t>(samples - block + 1)));
        sums.add(first, std::min(block, samples - filled), drawn);
      }
      statistic(drawn, {all.data() + resample * statistics, static_cast<size_t>(statistics)});
    }
  });
  return all;
}

Interval percentile_interval(std::vector<double> values, double confidence) {
  std::sort(values.begin(), values.end());
  const auto at = [&values](double share) {
    const double place = share * static_cast<double>(values.size() - 1);
    const auto below = static_cast<size_t>(place);
    const double above = values[std::min(below + 1, values.size() - 1)];
    return values[below] + (place - static_cast<double>(below)) * (above - values[below]);
  };
  return {at((1 - confidence) / 2), at((1 + confidence) / 2)};
}

}  // namespace athanor
