#include "src/rqa/analyse.h"

#include <algorithm>
#include <limits>

#include "src/rqa/cuda/gpu_lines.h"
#include "src/rqa/metrics.h"
#include "src/rqa/walk.h"

namespace athanor::rqa {

namespace {

void analyse_pair(const Series& series, const Series* other, const Grid& grid, const Definitions& definitions,
                  const std::vector<Metric>& metrics, double* values, const AnalyseOptions& options) {
  const std::vector<double> bounds = sum_bounds(series, grid.eps, definitions, other);
  const size_t row = grid.lmin.size() * metrics.size(), block = grid.eps.size() * row;
  const int64_t length = std::min(series.length(), other ? other->length() : series.length());
  for (size_t m = 0; m < grid.m.size(); ++m)
    for (size_t tau = 0; tau < grid.tau.size(); ++tau)
      if (length - (grid.m[m] - 1) * grid.tau[tau] < 2)
        std::fill_n(values + (m * grid.tau.size() + tau) * block, block,
                    std::numeric_limits<double>::quiet_NaN());
  const WalkOptions walk{
      .wanted = wanted_for(metrics), .pool = options.pool, .kernel = options.kernel, .other = other};
  for (size_t first = 0; first < bounds.size(); first += kMostThresholds) {
    const size_t past = std::min(bounds.size(), first + kMostThresholds);
    const std::vector<double> some(bounds.begin() + first, bounds.begin() + past);
    const auto keep = [&](size_t m, size_t tau, const LineCounts& counts) {
      double* to = values + (m * grid.tau.size() + tau) * block + first * row;
      compute_metrics(counts, grid.lmin, metrics, definitions, to);
    };
    const bool counted = options.gpu != nullptr && other == nullptr &&
                         options.gpu->count(series, grid.m, grid.tau, some, definitions, walk.wanted, keep);
    if (!counted) count_lines(series, grid.m, grid.tau, some, definitions, walk, keep);
  }
}

}  // namespace

void analyse(const Series& series, const Grid& grid, const Definitions& definitions,
             const std::vector<Metric>& metrics, double* values, const AnalyseOptions& options) {
  analyse_pair(series, nullptr, grid, definitions, metrics, values, options);
}

void analyse_cross(const Series& series, const Series& other, const Grid& grid,
                   const Definitions& definitions, const std::vector<Metric>& metrics, double* values,
                   ThreadPool* pool) {
  analyse_pair(series, &other, grid, definitions, metrics, values, {.pool = pool});
}

}  // namespace athanor::rqa
