#include "src/rqa/analyse.h"

#include <algorithm>
#include <limits>

#include "src/rqa/metrics.h"

namespace athanor::rqa {

void analyse(const Series& series, const Grid& grid, const Definitions& definitions,
             const std::vector<Metric>& metrics, double* values) {
  const std::vector<double> bounds = sum_bounds(series, grid.eps, definitions);
  const Wanted wanted = wanted_for(metrics);
  const size_t block = grid.eps.size() * grid.lmin.size() * metrics.size();
  for (const int64_t m : grid.m)
    for (const int64_t tau : grid.tau) {
      if (series.length() - (m - 1) * tau < 2)
        std::fill_n(values, block, std::numeric_limits<double>::quiet_NaN());
      else
        compute_metrics(count_lines_plainly(series, m, tau, bounds, definitions, wanted), grid.lmin, metrics,
                        definitions, values);
      values += block;
    }
}

}  // namespace athanor::rqa
