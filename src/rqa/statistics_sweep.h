// The group tests of statistics.h at every combination of a sweep, with corrections over all of them
// together. A column is a metric of an analysis at a combination; its values are subjects' means over their
// tasks.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "src/rqa/results.h"
#include "src/rqa/statistics.h"
#include "src/rqa/subjects.h"

namespace athanor::rqa {

struct StatisticsOptions {
  std::vector<Metric> metrics;  // of those in the sweep; empty: all
  int64_t permutations = 1000;  // of max-T; 0: none
  uint64_t seed = 1;
  int threads = 1;
  // A combination is degenerate where half of the subjects or more have a recurrence rate outside of these.
  double least_rate = 0.001, most_rate = 0.99;
};

// Whether a column is tested, and why not. In this order: the first that applies.
enum class Verdict : uint8_t {
  kTested,
  kRepeated,    // the same numbers as a column before it: m = 1 at another tau; a metric without l_min at
                // another
  kDegenerate,  // the recurrence rate is (see StatisticsOptions)
  kUndefined,   // no number for one subject or more, in any task
  kConstant     // the same number for every subject
};
constexpr std::array<std::string_view, 5> kVerdictTexts{
    "tested", "repeats another column", "recurrence rate near 0 or 1 for half of the subjects",
    "no value for some subject", "the same value for every subject"};

struct SweepStatistics {
  Subjects subjects;
  std::vector<std::string> tasks;  // ascending
  std::vector<Metric> metrics;
  std::vector<std::pair<int, int>> pairs;  // of groups, whose effect sizes are `effects`: second less first
  int64_t eps = 0, lmin = 0, tau = 0, m = 0, analyses = 0;  // extents
  int64_t permutations = 0;

  // All [analysis, m, tau, eps, l_min, metric]; NaN where a column is not tested. A repeated one has its
  // original's.
  std::vector<Verdict> verdicts;
  std::vector<KruskalWallis> kruskal;
  std::vector<WelchAnova> welch;
  std::vector<double> q, welch_q, p_max_t;
  std::vector<EffectSize> effects;  // […, pair]

  int64_t at(int64_t analysis, int64_t m_index, int64_t tau_index, int64_t eps_index, int64_t lmin_index,
             int64_t metric) const {
    return ((((analysis * m + m_index) * tau + tau_index) * eps + eps_index) * lmin + lmin_index) *
               static_cast<int64_t>(metrics.size()) +
           metric;
  }
  const EffectSize& effect(int64_t column, int64_t pair) const {
    return effects[column * static_cast<int64_t>(pairs.size()) + pair];
  }
  std::array<int64_t, kVerdictTexts.size()> counts() const;
};

// Where a column stands: indexes into the sweep's axes.
struct ColumnPlace {
  int64_t analysis, m, tau, eps, lmin, metric;
};
ColumnPlace place_of(const SweepStatistics& statistics, int64_t column);

// Values at one (m, tau) of an analysis as subjects' means: [eps, l_min, metric, subject], NaN where a
// subject has no number in any task. `task`: of that one task alone; empty: of all.
std::vector<double> subject_means(const SweepResults& results, const SweepStatistics& statistics,
                                  int64_t analysis, int64_t m, int64_t tau, const std::string& task = "");

// Throws Error: fewer than two groups, a metric that the sweep has not.
SweepStatistics test_sweep(const SweepResults& results, const StatisticsOptions& options);

// One line a tested column, a head line with the names.
std::string statistics_csv(const SweepHead& head, const SweepStatistics& statistics);

}  // namespace athanor::rqa
