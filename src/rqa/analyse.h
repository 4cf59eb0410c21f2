// Recurrence quantification analysis of one series at every combination of a grid.
#pragma once

#include <cstdint>
#include <vector>

#include "src/core/thread_pool.h"
#include "src/rqa/definitions.h"

namespace athanor::rqa {

struct WalkKernel;  // walk.h
class GpuLines;     // cuda/gpu_lines.h

// C coordinates [C][N] sampled together: one for 1D, x and y for 2D.
struct Series {
  std::vector<std::vector<double>> coordinates;
  int64_t length() const { return coordinates.empty() ? 0 : static_cast<int64_t>(coordinates[0].size()); }
};

struct Grid {
  std::vector<int64_t> m, tau;  // embedding dimension, delay in samples; each >= 1
  std::vector<double> eps;      // thresholds, ascending
  std::vector<int64_t> lmin;    // shortest line that counts, of diagonal and vertical lines, each >= 1
  int64_t combinations() const {
    return static_cast<int64_t>(m.size() * tau.size() * eps.size() * lmin.size());
  }
};

// Which machinery counts; the numbers are the same.
struct AnalyseOptions {
  ThreadPool* pool = nullptr;          // of the CPU: delays tau are shared out over its threads
  const WalkKernel* kernel = nullptr;  // of the CPU; null: the fastest
  GpuLines* gpu = nullptr;             // for as long as it can
};

// values f64 [m, tau, eps, l_min, metric] in row-major order. NaN where fewer than two delay vectors remain
// (M = N - (m-1) tau < 2), and where a metric has no meaning (metrics.h). A cell is recurrent exactly if its
// distance, summed in double precision in the order of the delays (at each, of the coordinates), satisfies
// the comparison. Throws Error if the series has more than 80,000 samples.
void analyse(const Series& series, const Grid& grid, const Definitions& definitions,
             const std::vector<Metric>& metrics, double* values, const AnalyseOptions& options = {});

// The same of the cross-recurrence matrix of two series with as many coordinates, on the CPU: every diagonal
// counts, there is no Theiler window and no trend; eps in standard deviations are those of both together.
void analyse_cross(const Series& series, const Series& other, const Grid& grid,
                   const Definitions& definitions, const std::vector<Metric>& metrics, double* values,
                   ThreadPool* pool = nullptr);

}  // namespace athanor::rqa
