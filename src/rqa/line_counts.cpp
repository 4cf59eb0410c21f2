#include "src/rqa/line_counts.h"

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <limits>

namespace athanor::rqa {
namespace {

// The population's standard deviation of all coordinates of the series together.
double deviation(std::initializer_list<const Series*> all) {
  double sum = 0, squares = 0, count = 0;
  const auto for_each = [&](const auto& body) {
    for (const Series* series : all)
      for (size_t k = 0; series && k < series->coordinates.size(); ++k)
        for (const double value : series->coordinates[k]) body(value);
  };
  for_each([&](double value) { sum += value, ++count; });
  for_each([&](double value) { squares += (value - sum / count) * (value - sum / count); });
  return std::sqrt(squares / count);
}

// The largest double whose square root (as the CPU rounds it) satisfies the comparison with ε.
double square_bound(double eps, bool strict) {
  const auto holds = [&](double sum) { return strict ? std::sqrt(sum) < eps : std::sqrt(sum) <= eps; };
  constexpr double kUp = std::numeric_limits<double>::infinity();
  double bound = eps * eps;
  while (bound >= 0 && !holds(bound)) bound = std::nextafter(bound, -kUp);
  while (bound < kUp && holds(std::nextafter(bound, kUp))) bound = std::nextafter(bound, kUp);
  return bound;
}

// Lengths of the runs of ones in `line`, counted into `lengths` [M+1].
void count_runs(const std::vector<char>& line, int64_t* lengths) {
  int64_t run = 0;
  for (const char cell : line) {
    if (!cell && run) ++lengths[run];
    run = cell ? run + 1 : 0;
  }
  if (run) ++lengths[run];
}

// counts [E,width] by length
LineLengths line_lengths(const std::vector<int64_t>& counts, int64_t thresholds, int64_t width) {
  LineLengths out;
  for (int64_t length = 1; length < width; ++length) {
    std::vector<int64_t> row;
    for (int64_t e = 0; e < thresholds; ++e) row.push_back(counts[e * width + length]);
    if (std::count(row.begin(), row.end(), 0) == thresholds) continue;
    out.lengths.push_back(length);
    out.counts.insert(out.counts.end(), row.begin(), row.end());
  }
  return out;
}

}  // namespace

Wanted wanted_for(const std::vector<Metric>& metrics) {
  Wanted wanted;
  for (const Metric metric : metrics) {
    wanted.vertical |= metric == Metric::kLAM || metric == Metric::kTT || metric == Metric::kVmax;
    wanted.by_diagonal |= metric == Metric::kTrend;
  }
  return wanted;
}

Norm norm_of(const Series& series, const Definitions& definitions) {
  return series.coordinates.size() > 1 ? definitions.norm_2d : definitions.norm_1d;
}

std::vector<double> sum_bounds(const Series& series, const std::vector<double>& eps,
                               const Definitions& definitions, const Series* other) {
  const double scale = definitions.deviations ? deviation({&series, other}) : 1;
  std::vector<double> bounds;
  for (const double value : eps) {
    const double threshold = value * scale;
    const bool squares = norm_of(series, definitions) == Norm::kL2;
    const double bound = squares ? threshold * threshold : threshold;
    if (squares && !definitions.squared)
      bounds.push_back(square_bound(threshold, definitions.strict));
    else
      bounds.push_back(definitions.strict ? std::nextafter(bound, -1.0) : bound);
  }
  return bounds;
}

double distance_sum(const Series& series, Norm norm, int64_t m, int64_t tau, int64_t i, int64_t j) {
  double total = 0;
  for (int64_t delay = 0; delay < m; ++delay) {
    double term = 0;
    for (const auto& values : series.coordinates) {
      const double difference = std::abs(values[i + delay * tau] - values[j + delay * tau]);
      if (norm == Norm::kLinf)
        term = std::max(term, difference);
      else
        term += norm == Norm::kL2 ? difference * difference : difference;
    }
    total = norm == Norm::kLinf ? std::max(total, term) : total + term;
  }
  return total;
}

LineCounts count_lines_plainly(const Series& series, int64_t m, int64_t tau,
                               const std::vector<double>& bounds, const Definitions& definitions,
                               const Wanted& wanted) {
  LineCounts out{.vectors = series.length() - (m - 1) * tau};
  const int64_t size = out.vectors, thresholds = static_cast<int64_t>(bounds.size());
  const Norm norm = norm_of(series, definitions);
  std::vector<int64_t> diagonal(thresholds * (size + 1)), vertical(diagonal);
  std::vector<char> matrix(size * size);
  out.cells.resize(thresholds), out.cells_in_window.resize(thresholds);
  if (wanted.by_diagonal) out.cells_by_diagonal.resize(thresholds * size);
  for (int64_t e = 0; e < thresholds; ++e) {
    for (int64_t i = 0; i < size; ++i)
      for (int64_t j = 0; j < size; ++j)
        matrix[i * size + j] = distance_sum(series, norm, m, tau, i, j) <= bounds[e];
    for (int64_t k = 1; k < size; ++k) {
      std::vector<char> line;
      for (int64_t i = 0; i + k < size; ++i) line.push_back(matrix[i * size + i + k]);
      const int64_t cells = std::count(line.begin(), line.end(), 1);
      (k < definitions.theiler ? out.cells_in_window : out.cells)[e] += cells;
      if (k >= definitions.theiler) count_runs(line, &diagonal[e * (size + 1)]);
      if (wanted.by_diagonal) out.cells_by_diagonal[e * size + k] = cells;
    }
    for (int64_t j = 0; wanted.vertical && j < size; ++j) {
      std::vector<char> line;
      for (int64_t i = 0; i < size; ++i)
        line.push_back(matrix[i * size + j] &&
                       (definitions.vertical_has_main || std::abs(i - j) >= definitions.theiler));
      count_runs(line, &vertical[e * (size + 1)]);
    }
  }
  out.diagonal = line_lengths(diagonal, thresholds, size + 1);
  if (wanted.vertical) out.vertical = line_lengths(vertical, thresholds, size + 1);
  return out;
}

LineCounts count_cross_lines_plainly(const Series& series, const Series& other, int64_t m, int64_t tau,
                                     const std::vector<double>& bounds, const Definitions& definitions,
                                     const Wanted& wanted) {
  const int64_t rows = series.length() - (m - 1) * tau, columns = other.length() - (m - 1) * tau;
  LineCounts out{.vectors = rows, .other_vectors = columns};
  const int64_t thresholds = static_cast<int64_t>(bounds.size()), width = std::max(rows, columns) + 1;
  Series joined = series;
  for (size_t k = 0; k < joined.coordinates.size(); ++k)
    joined.coordinates[k].insert(joined.coordinates[k].end(), other.coordinates[k].begin(),
                                 other.coordinates[k].end());
  std::vector<int64_t> diagonal(thresholds * width), vertical(diagonal);
  out.cells.resize(thresholds), out.cells_in_window.resize(thresholds);
  const auto recurrent = [&](int64_t e, int64_t i, int64_t j) -> char {
    return distance_sum(joined, norm_of(series, definitions), m, tau, i, series.length() + j) <= bounds[e];
  };
  for (int64_t e = 0; e < thresholds; ++e) {
    for (int64_t k = 1 - rows; k < columns; ++k) {
      std::vector<char> line;
      for (int64_t i = std::max<int64_t>(0, -k); i < rows && i + k < columns; ++i)
        line.push_back(recurrent(e, i, i + k));
      out.cells[e] += std::count(line.begin(), line.end(), 1);
      count_runs(line, &diagonal[e * width]);
    }
    for (int64_t j = 0; wanted.vertical && j < columns; ++j) {
      std::vector<char> line;
      for (int64_t i = 0; i < rows; ++i) line.push_back(recurrent(e, i, j));
      count_runs(line, &vertical[e * width]);
    }
  }
  out.diagonal = line_lengths(diagonal, thresholds, width);
  if (wanted.vertical) out.vertical = line_lengths(vertical, thresholds, width);
  return out;
}

}  // namespace athanor::rqa
