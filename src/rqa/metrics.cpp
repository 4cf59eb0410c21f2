#include "src/rqa/metrics.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace athanor::rqa {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

// What of a histogram of lengths the metrics need.
struct LineSums {
  int64_t points = 0;       // in lines of any length
  int64_t line_points = 0;  // in lines of at least l_min
  int64_t lines = 0;        // of at least l_min
  int64_t longest = 0;      // of any length
  double entropy = kNone;   // of the lengths from l_min on
};

double ratio(int64_t part, int64_t whole) {
  return whole ? static_cast<double>(part) / static_cast<double>(whole) : kNone;
}

// `weight` times the histogram and, unless extra is 0, a line of length `extra`.
LineSums sum_lines(const LineLengths& histogram, int64_t e, int64_t lmin, int64_t weight, int64_t extra) {
  LineSums sums;
  const int64_t* lengths = histogram.at(e);
  double total = 0;  // Σ n ln n
  const auto add = [&](int64_t length, int64_t count) {
    if (!count) return;
    sums.points += length * count;
    sums.longest = std::max(sums.longest, length);
    if (length < lmin) return;
    sums.line_points += length * count;
    sums.lines += count;
    total += static_cast<double>(count) * std::log(static_cast<double>(count));
  };
  for (int64_t length = 1; length < histogram.lengths; ++length)
    add(length, weight * lengths[length] + (length == extra));
  if (extra >= histogram.lengths) add(extra, 1);
  if (sums.lines) {
    const auto lines = static_cast<double>(sums.lines);
    sums.entropy = std::max(0.0, std::log(lines) - total / lines);
  }
  return sums;
}

double recurrence_rate(const LineCounts& counts, int64_t e, const Definitions& definitions) {
  const int64_t size = counts.vectors, window = std::max<int64_t>(definitions.theiler, 1);
  const int64_t off_main = 2 * (counts.cells[e] + counts.cells_in_window[e]);
  switch (definitions.rate) {
    case RateCells::kAll:
      return ratio(off_main + size, size * size);
    case RateCells::kOffMainDiagonal:
      return ratio(off_main, size * (size - 1));
    case RateCells::kOutsideTheiler:
      break;
  }
  if (definitions.theiler == 0) return ratio(off_main + size, size * size);
  return ratio(2 * counts.cells[e], (size - window) * (size - window + 1));
}

// The slope of the recurrence rate of diagonal k against k, over all diagonals outside the Theiler window but
// the last ten, in 1/k.
double trend(const LineCounts& counts, int64_t e, const Definitions& definitions) {
  constexpr int64_t kBorder = 10;
  const int64_t first = std::max<int64_t>(definitions.theiler, 1), last = counts.vectors - kBorder;
  double mean_k = 0, mean_rate = 0, product = 0, squares = 0;
  const auto rate = [&](int64_t k) {
    return static_cast<double>(counts.cells_by_diagonal[e * counts.vectors + k]) /
           static_cast<double>(counts.vectors - k);
  };
  const auto n = static_cast<double>(last - first);
  if (n < 2) return kNone;
  for (int64_t k = first; k < last; ++k) mean_k += static_cast<double>(k) / n, mean_rate += rate(k) / n;
  for (int64_t k = first; k < last; ++k) {
    product += (static_cast<double>(k) - mean_k) * (rate(k) - mean_rate);
    squares += (static_cast<double>(k) - mean_k) * (static_cast<double>(k) - mean_k);
  }
  return product / squares;
}

}  // namespace

void compute_metrics(const LineCounts& counts, const std::vector<int64_t>& lmin,
                     const std::vector<Metric>& metrics, const Definitions& definitions, double* values) {
  const double base = definitions.log_base > 0 ? std::log(definitions.log_base) : 1;
  const Wanted wanted = wanted_for(metrics);
  const auto thresholds = static_cast<int64_t>(counts.cells.size());
  for (int64_t e = 0; e < thresholds; ++e) {
    const double rate = recurrence_rate(counts, e, definitions);
    for (const int64_t least : lmin) {
      const int64_t main_line = definitions.theiler == 0 ? counts.vectors : 0;
      const LineSums diagonal = sum_lines(counts.diagonal, e, least, 2, main_line);
      const LineSums vertical = wanted.vertical ? sum_lines(counts.vertical, e, least, 1, 0) : LineSums{};
      int64_t longest = diagonal.longest;
      if (main_line && !definitions.longest_has_main)
        longest = sum_lines(counts.diagonal, e, 1, 1, 0).longest;
      const double determinism = ratio(diagonal.line_points, diagonal.points);
      for (const Metric metric : metrics) {
        switch (metric) {
          case Metric::kRR:
            *values = rate;
            break;
          case Metric::kDET:
            *values = determinism;
            break;
          case Metric::kL:
            *values = ratio(diagonal.line_points, diagonal.lines);
            break;
          case Metric::kLmax:
            *values = static_cast<double>(longest);
            break;
          case Metric::kDIV:
            *values = ratio(1, longest);
            break;
          case Metric::kENT:
            *values = diagonal.entropy / base;
            break;
          case Metric::kLAM:
            *values = ratio(vertical.line_points, vertical.points);
            break;
          case Metric::kTT:
            *values = ratio(vertical.line_points, vertical.lines);
            break;
          case Metric::kVmax:
            *values = static_cast<double>(vertical.longest);
            break;
          case Metric::kTrend:
            *values = trend(counts, e, definitions);
            break;
          case Metric::kRatio:
            *values = rate > 0 ? determinism / rate : kNone;
            break;
        }
        ++values;
      }
    }
  }
}

}  // namespace athanor::rqa
