#include "src/rqa/statistics_sweep.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "src/core/error.h"
#include "src/core/text.h"
#include "src/rqa/csv_table.h"

namespace athanor::rqa {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
constexpr double kSame = 1e-12;  // relative: means of the same value over more or fewer tasks

// Does not depend on l_min.
bool without_lmin(Metric metric) {
  return metric == Metric::kRR || metric == Metric::kLmax || metric == Metric::kDIV ||
         metric == Metric::kVmax || metric == Metric::kTrend;
}

SweepStatistics prepare(const SweepHead& head, const StatisticsOptions& options) {
  SweepStatistics out;
  out.subjects = Subjects(head);
  std::set<std::string> tasks;
  for (const RecordingInfo& each : head.recordings) tasks.insert(each.task);
  out.tasks.assign(tasks.begin(), tasks.end());
  out.metrics = options.metrics.empty() ? head.metrics : options.metrics;
  for (const Metric metric : out.metrics)
    if (std::find(head.metrics.begin(), head.metrics.end(), metric) == head.metrics.end())
      throw usage_error({.where = "--metrics", .what = text("the sweep has no ", metric_name(metric))});
  const int groups = static_cast<int>(out.subjects.groups.size());
  for (int a = 0; a < groups; ++a)
    for (int b = a + 1; b < groups; ++b) out.pairs.emplace_back(a, b);
  out.m = static_cast<int64_t>(head.grid.m.size()), out.tau = static_cast<int64_t>(head.grid.tau.size());
  out.eps = static_cast<int64_t>(head.grid.eps.size()),
  out.lmin = static_cast<int64_t>(head.grid.lmin.size());
  out.analyses = static_cast<int64_t>(head.analyses.size());
  out.permutations = options.permutations;
  const int64_t columns = out.at(out.analyses, 0, 0, 0, 0, 0);
  out.verdicts.resize(columns), out.kruskal.resize(columns, {kNone, kNone});
  out.welch.resize(columns, {kNone, kNone, kNone, kNone}), out.p_max_t.resize(columns, kNone);
  out.effects.resize(columns * out.pairs.size(), {kNone, kNone, kNone, kNone});
  return out;
}

// The column whose numbers are this one's too: itself, or one before it.
int64_t original_of(const SweepHead& head, const SweepStatistics& statistics, int64_t column) {
  const ColumnPlace place = place_of(statistics, column);
  const int64_t tau = head.grid.m[place.m] == 1 ? 0 : place.tau;
  const int64_t lmin = without_lmin(statistics.metrics[place.metric]) ? 0 : place.lmin;
  return statistics.at(place.analysis, place.m, tau, place.eps, lmin, place.metric);
}

bool degenerate(const double* rates, int64_t subjects, const StatisticsOptions& options) {
  const auto outside = std::count_if(rates, rates + subjects, [&](double rate) {
    return !(rate >= options.least_rate && rate <= options.most_rate);
  });
  return 2 * outside >= subjects;
}

// values [subjects] of the column; rates of its combination, or null.
Verdict verdict_of(const double* values, const double* rates, int64_t subjects,
                   const StatisticsOptions& options) {
  if (rates && degenerate(rates, subjects, options)) return Verdict::kDegenerate;
  if (std::any_of(values, values + subjects, [](double value) { return !std::isfinite(value); }))
    return Verdict::kUndefined;
  const auto [least, most] = std::minmax_element(values, values + subjects);
  const bool same = *most - *least <= kSame * std::max(std::abs(*least), std::abs(*most));
  return same ? Verdict::kConstant : Verdict::kTested;
}

class SweepTester {
 public:
  SweepTester(const SweepResults& results, const StatisticsOptions& options)
      : results_(results),
        options_(options),
        out_(prepare(results.head(), options)),
        groups_(out_.subjects.tested()),
        max_t_(groups_, options.permutations, options.seed),
        pool_(options.threads - 1) {
    const auto& metrics = results.head().metrics;
    for (const Metric metric : out_.metrics)
      metric_index_.push_back(std::find(metrics.begin(), metrics.end(), metric) - metrics.begin());
    const auto rate = std::find(metrics.begin(), metrics.end(), Metric::kRR);
    rate_index_ = rate == metrics.end() ? -1 : rate - metrics.begin();
  }

  SweepStatistics run() {
    for (int64_t analysis = 0; analysis < out_.analyses; ++analysis)
      for (int64_t m = 0; m < out_.m; ++m)
        for (int64_t tau = 0; tau < out_.tau; ++tau) test_plane(analysis, m, tau);
    correct();
    return std::move(out_);
  }

 private:
  void test_plane(int64_t analysis, int64_t m, int64_t tau) {
    const std::vector<double> means = subject_means(results_, out_, analysis, m, tau);
    const int64_t subjects = groups_.subjects(), combinations = out_.eps * out_.lmin;
    const auto held = static_cast<int64_t>(results_.head().metrics.size());
    pool_.parallel_for(combinations, [&](int64_t combination) {
      const double* block = means.data() + combination * held * subjects;
      const double* rates = rate_index_ < 0 ? nullptr : block + rate_index_ * subjects;
      for (size_t k = 0; k < metric_index_.size(); ++k)
        test_column(out_.at(analysis, m, tau, 0, combination, static_cast<int64_t>(k)),
                    block + metric_index_[k] * subjects, rates);
    });
    std::vector<double> tested;
    for (int64_t combination = 0; combination < combinations; ++combination)
      for (size_t k = 0; k < metric_index_.size(); ++k)
        if (out_.verdicts[out_.at(analysis, m, tau, 0, combination, static_cast<int64_t>(k))] ==
            Verdict::kTested) {
          const double* values = means.data() + (combination * held + metric_index_[k]) * subjects;
          tested.insert(tested.end(), values, values + subjects);
        }
    if (options_.permutations > 0)
      max_t_.add(tested.data(), static_cast<int64_t>(tested.size()) / subjects, pool_);
  }

  void test_column(int64_t column, const double* values, const double* rates) {
    out_.verdicts[column] = original_of(results_.head(), out_, column) != column
                                ? Verdict::kRepeated
                                : verdict_of(values, rates, groups_.subjects(), options_);
    if (out_.verdicts[column] != Verdict::kTested) return;
    out_.kruskal[column] = kruskal_wallis(values, groups_);
    out_.welch[column] = welch_anova(values, groups_);
    for (size_t k = 0; k < out_.pairs.size(); ++k)
      out_.effects[column * static_cast<int64_t>(out_.pairs.size()) + static_cast<int64_t>(k)] =
          hedges_g(values, groups_, out_.pairs[k].second, out_.pairs[k].first);
  }

  // Corrections over all tested columns; then repeated ones receive what their originals have.
  void correct() {
    std::vector<double> p, welch_p;
    for (const KruskalWallis& each : out_.kruskal) p.push_back(each.p);
    for (const WelchAnova& each : out_.welch) welch_p.push_back(each.p);
    out_.q = benjamini_hochberg(p), out_.welch_q = benjamini_hochberg(welch_p);
    const auto pairs = static_cast<int64_t>(out_.pairs.size());
    for (int64_t column = 0; column < static_cast<int64_t>(out_.verdicts.size()); ++column) {
      if (out_.verdicts[column] == Verdict::kTested && options_.permutations > 0)
        out_.p_max_t[column] = max_t_.adjusted_p(out_.kruskal[column].h);
      if (out_.verdicts[column] != Verdict::kRepeated) continue;
      const int64_t from = original_of(results_.head(), out_, column);
      out_.kruskal[column] = out_.kruskal[from], out_.welch[column] = out_.welch[from];
      out_.q[column] = out_.q[from], out_.welch_q[column] = out_.welch_q[from];
      out_.p_max_t[column] = out_.p_max_t[from];
      std::copy_n(out_.effects.begin() + from * pairs, pairs, out_.effects.begin() + column * pairs);
    }
  }

  const SweepResults& results_;
  const StatisticsOptions& options_;
  SweepStatistics out_;
  Groups groups_;
  MaxT max_t_;
  ThreadPool pool_;
  std::vector<int64_t> metric_index_;
  int64_t rate_index_ = -1;
};

}  // namespace

std::array<int64_t, kVerdictTexts.size()> SweepStatistics::counts() const {
  std::array<int64_t, kVerdictTexts.size()> out{};
  for (const Verdict verdict : verdicts) ++out[static_cast<size_t>(verdict)];
  return out;
}

ColumnPlace place_of(const SweepStatistics& statistics, int64_t column) {
  ColumnPlace place{};
  const auto next = [&](int64_t extent) {
    const int64_t index = column % extent;
    column /= extent;
    return index;
  };
  place.metric = next(static_cast<int64_t>(statistics.metrics.size()));
  place.lmin = next(statistics.lmin), place.eps = next(statistics.eps);
  place.tau = next(statistics.tau), place.m = next(statistics.m);
  place.analysis = column;
  return place;
}

std::vector<double> subject_means(const SweepResults& results, const SweepStatistics& statistics,
                                  int64_t analysis, int64_t m, int64_t tau, const std::string& task) {
  const SweepHead& head = results.head();
  return statistics.subjects.means(head, results.read_plane(head.analyses[analysis], m, tau), task);
}

SweepStatistics test_sweep(const SweepResults& results, const StatisticsOptions& options) {
  return SweepTester(results, options).run();
}

std::string statistics_csv(const SweepHead& head, const SweepStatistics& statistics) {
  std::string out = "analysis,m,tau,eps,lmin,metric,H,p,q,p_max_t,welch_F,welch_df2,welch_p,welch_q";
  for (const auto& [a, b] : statistics.pairs)
    for (const char* what : {"g", "low", "high"})
      out += text(
          ",", csv_field(text(what, " ", statistics.subjects.groups[b], "-", statistics.subjects.groups[a])));
  out += "\n";
  for (int64_t column = 0; column < static_cast<int64_t>(statistics.verdicts.size()); ++column) {
    if (statistics.verdicts[column] != Verdict::kTested) continue;
    const ColumnPlace place = place_of(statistics, column);
    const KruskalWallis& kruskal = statistics.kruskal[column];
    const WelchAnova& welch = statistics.welch[column];
    out += text(head.analyses[place.analysis], ",", head.grid.m[place.m], ",", head.grid.tau[place.tau], ",",
                shortest(head.grid.eps[place.eps]), ",", head.grid.lmin[place.lmin], ",",
                metric_name(statistics.metrics[place.metric]));
    for (const double value : {kruskal.h, kruskal.p, statistics.q[column], statistics.p_max_t[column],
                               welch.f, welch.df2, welch.p, statistics.welch_q[column]})
      out += text(",", shortest(value));
    for (size_t pair = 0; pair < statistics.pairs.size(); ++pair) {
      const EffectSize& effect = statistics.effect(column, static_cast<int64_t>(pair));
      for (const double value : {effect.g, effect.low, effect.high}) out += text(",", shortest(value));
    }
    out += "\n";
  }
  return out;
}

}  // namespace athanor::rqa
