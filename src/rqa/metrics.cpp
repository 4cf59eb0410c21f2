#include "src/rqa/metrics.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "src/ops/clones.h"

namespace athanor::rqa {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

double ratio(int64_t part, int64_t whole) {
  return whole ? static_cast<double>(part) / static_cast<double>(whole) : kNone;
}

// ln n and n ln n, from tables where n is small.
class Logarithms {
 public:
  Logarithms() {
    for (int64_t n = 1; n < kSmall; ++n) {
      logs_.push_back(std::log(static_cast<double>(n)));
      terms_.push_back(static_cast<double>(n) * logs_.back());
    }
  }
  double log(int64_t n) const { return n < kSmall ? logs_[n] : std::log(static_cast<double>(n)); }
  // terms[e] += n ln n, n = counts[e].
  void add_terms(const int64_t* counts, int64_t thresholds, double* terms) const;

 private:
  static constexpr int64_t kSmall = 1 << 14;
  std::vector<double> logs_{0}, terms_{0};
};
const Logarithms& logarithms() {
  static const Logarithms tables;
  return tables;
}

ATHANOR_CLONES int64_t largest(const int64_t* counts, int64_t thresholds) {
  int64_t out = 0;
  for (int64_t e = 0; e < thresholds; ++e) out = counts[e] > out ? counts[e] : out;
  return out;
}

ATHANOR_CLONES void add_from_table(const double* __restrict table, const int64_t* __restrict counts,
                                   int64_t thresholds, double* __restrict terms) {
  for (int64_t e = 0; e < thresholds; ++e) terms[e] += table[counts[e]];
}

void Logarithms::add_terms(const int64_t* counts, int64_t thresholds, double* terms) const {
  if (largest(counts, thresholds) < kSmall) return add_from_table(terms_.data(), counts, thresholds, terms);
  for (int64_t e = 0; e < thresholds; ++e)
    terms[e] += counts[e] < kSmall ? terms_[counts[e]] : static_cast<double>(counts[e]) * log(counts[e]);
}

ATHANOR_CLONES void add_lines(int64_t length, const int64_t* __restrict counts, int64_t thresholds,
                              int64_t* __restrict points, int64_t* __restrict lines,
                              int64_t* __restrict longest) {
  for (int64_t e = 0; e < thresholds; ++e) {
    points[e] += length * counts[e];
    lines[e] += counts[e];
    longest[e] = longest[e] == 0 && counts[e] != 0 ? length : longest[e];
  }
}

// What of a histogram the metrics need, at each threshold: lines of at least some length, the longest added
// first.
struct LineSums {
  std::vector<int64_t> points, lines, longest;
  std::vector<double> terms;  // of the entropy
  explicit LineSums(size_t thresholds)
      : points(thresholds), lines(thresholds), longest(thresholds), terms(thresholds) {}

  void add(int64_t length, const int64_t* counts) {
    const auto thresholds = static_cast<int64_t>(points.size());
    add_lines(length, counts, thresholds, points.data(), lines.data(), longest.data());
    logarithms().add_terms(counts, thresholds, terms.data());
  }
  double entropy(size_t e) const {
    if (lines[e] == 0) return kNone;
    return std::max(0.0, logarithms().log(lines[e]) - terms[e] / static_cast<double>(lines[e]));
  }
};

struct Histogram {
  std::vector<LineSums> at_least;  // by l_min, in the order given
  LineSums all;
};

// `weight` times the histogram and, at every threshold, a line of length `extra` (0: none).
Histogram sum_lines(const LineLengths& from, size_t thresholds, const std::vector<int64_t>& lmin,
                    int64_t weight, int64_t extra) {
  Histogram out{std::vector<LineSums>(lmin.size(), LineSums(0)), LineSums(thresholds)};
  std::vector<size_t> order(lmin.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return lmin[a] > lmin[b]; });
  auto next = order.begin();
  const auto add = [&](int64_t length, const int64_t* counts) {
    for (; next != order.end() && lmin[*next] > length; ++next) out.at_least[*next] = out.all;
    out.all.add(length, counts);
  };
  std::vector<int64_t> row(thresholds);
  bool to_come = extra > 0;
  for (size_t n = from.lengths.size(); n-- > 0;) {
    const int64_t length = from.lengths[n], *counts = from.counts.data() + n * thresholds;
    if (to_come && length < extra) add(extra, std::vector<int64_t>(thresholds, 1).data());
    const bool same = to_come && length == extra;
    to_come = to_come && length > extra;
    for (size_t e = 0; e < thresholds; ++e) row[e] = weight * counts[e] + same;
    add(length, weight == 1 && !same ? counts : row.data());
  }
  if (to_come) add(extra, std::vector<int64_t>(thresholds, 1).data());
  for (; next != order.end(); ++next) out.at_least[*next] = out.all;
  return out;
}

double recurrence_rate(const LineCounts& counts, size_t e, const Definitions& definitions) {
  if (counts.other_vectors > 0) return ratio(counts.cells[e], counts.vectors * counts.other_vectors);
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
  const int64_t diagonals = std::max<int64_t>(size - window, 0);
  return ratio(2 * counts.cells[e], diagonals * (diagonals + 1));
}

// The slope of the recurrence rate of diagonal k against k, over all diagonals outside the Theiler window but
// the last ten, in 1/k.
double trend(const LineCounts& counts, size_t e, const Definitions& definitions) {
  if (counts.other_vectors > 0) return kNone;
  constexpr int64_t kBorder = 10;
  const int64_t first = std::max<int64_t>(definitions.theiler, 1), last = counts.vectors - kBorder;
  double mean_k = 0, mean_rate = 0, product = 0, squares = 0;
  const int64_t* cells = counts.cells_by_diagonal.data() + static_cast<int64_t>(e) * counts.vectors;
  const auto rate = [&](int64_t k) {
    return static_cast<double>(cells[k]) / static_cast<double>(counts.vectors - k);
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
  const bool has_main = definitions.theiler == 0 && counts.other_vectors == 0;
  const size_t thresholds = counts.cells.size();
  const Histogram diagonal =
      sum_lines(counts.diagonal, thresholds, lmin, has_main ? 2 : 1, has_main ? counts.vectors : 0);
  const Histogram vertical =
      sum_lines(counts.vertical, wanted_for(metrics).vertical ? thresholds : 0, lmin, 1, 0);
  std::vector<int64_t> longest = diagonal.all.longest;
  if (has_main && !definitions.longest_has_main)
    longest = sum_lines(counts.diagonal, thresholds, {}, 1, 0).all.longest;
  for (size_t e = 0; e < thresholds; ++e) {
    const double rate = recurrence_rate(counts, e, definitions);
    for (size_t l = 0; l < lmin.size(); ++l) {
      const LineSums &lines = diagonal.at_least[l], &columns = vertical.at_least[l];
      const double determinism = ratio(lines.points[e], diagonal.all.points[e]);
      for (const Metric metric : metrics) {
        switch (metric) {
          case Metric::kRR:
            *values = rate;
            break;
          case Metric::kDET:
            *values = determinism;
            break;
          case Metric::kL:
            *values = ratio(lines.points[e], lines.lines[e]);
            break;
          case Metric::kLmax:
            *values = static_cast<double>(longest[e]);
            break;
          case Metric::kDIV:
            *values = ratio(1, longest[e]);
            break;
          case Metric::kENT:
            *values = lines.entropy(e) / base;
            break;
          case Metric::kLAM:
            *values = ratio(columns.points[e], vertical.all.points[e]);
            break;
          case Metric::kTT:
            *values = ratio(columns.points[e], columns.lines[e]);
            break;
          case Metric::kVmax:
            *values = static_cast<double>(vertical.all.longest[e]);
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
