// Step 4 of a combination: group tests over subjects' means, and means by group and task.
#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "src/core/text.h"
#include "src/rqa/statistics.h"
#include "src/rqa/step_table.h"

namespace athanor::rqa {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

struct Mean {
  double n = 0, mean = kNone, deviation = kNone;  // the sample's standard deviation
};

// Of the finite ones.
Mean mean_of(const std::vector<double>& values) {
  Mean out;
  double sum = 0, squares = 0;
  for (const double value : values)
    if (std::isfinite(value)) sum += value, out.n += 1;
  if (out.n == 0) return out;
  out.mean = sum / out.n;
  for (const double value : values)
    if (std::isfinite(value)) squares += (value - out.mean) * (value - out.mean);
  if (out.n > 1) out.deviation = std::sqrt(squares / (out.n - 1));
  return out;
}

// Which recordings each subject has; subjects by group, then by name.
struct Subjects {
  std::vector<std::string> groups;
  std::vector<std::vector<size_t>> recordings;
  std::vector<int> group_of;

  explicit Subjects(const SweepHead& head) : groups(group_names(head)) {
    std::map<std::pair<int, std::string>, std::vector<size_t>> sorted;
    for (size_t i = 0; i < head.recordings.size(); ++i) {
      const auto group = std::find(groups.begin(), groups.end(), head.recordings[i].group) - groups.begin();
      sorted[{static_cast<int>(group), head.recordings[i].subject}].push_back(i);
    }
    for (auto& [key, list] : sorted) {
      group_of.push_back(key.first);
      recordings.push_back(std::move(list));
    }
  }

  std::vector<double> means(const StepTable& table, size_t measure) const {
    std::vector<double> out;
    for (const std::vector<size_t>& list : recordings) {
      std::vector<double> values;
      for (const size_t i : list) values.push_back(table.at(i, measure));
      out.push_back(mean_of(values).mean);
    }
    return out;
  }
};

std::vector<double> of_group(const std::vector<double>& values, const Subjects& subjects, size_t group) {
  std::vector<double> out;
  for (size_t i = 0; i < values.size(); ++i)
    if (subjects.group_of[i] == static_cast<int>(group)) out.push_back(values[i]);
  return out;
}

// Tests need a value of every subject, and two groups or more.
bool testable(const std::vector<double>& values, const Subjects& subjects) {
  return subjects.groups.size() > 1 &&
         std::all_of(values.begin(), values.end(), [](double value) { return std::isfinite(value); });
}

std::vector<EffectSize> effects_of(const std::vector<double>& values, const Subjects& subjects) {
  const int groups = static_cast<int>(subjects.groups.size());
  const bool tested = testable(values, subjects);
  std::vector<EffectSize> effects;
  for (int a = 0; a < groups; ++a)
    for (int b = a + 1; b < groups; ++b)
      effects.push_back(tested ? hedges_g(values.data(), Groups(subjects.group_of), b, a)
                               : EffectSize{kNone, kNone, kNone, kNone});
  return effects;
}

std::string group_stats_head(const SweepHead& head) {
  const std::vector<std::string> groups = group_names(head);
  std::string csv = "measure";
  for (const std::string& group : groups)
    for (const char* what : {"n_", "mean_", "sd_"}) csv += text(",", what, group);
  csv += ",kruskal_h,kruskal_p,kruskal_q,welch_f,welch_df1,welch_df2,welch_p";
  for (const std::string& pair : group_pairs(head))
    for (const char* what : {"g_", "g_low_", "g_high_"}) csv += text(",", what, pair);
  return csv + "\n";
}

}  // namespace

std::string group_stats_csv(const SweepHead& head, const StepTable& table) {
  const Subjects subjects(head);
  std::vector<std::vector<double>> columns;
  std::vector<double> p;
  for (size_t j = 0; j < table.measures.size(); ++j) {
    columns.push_back(subjects.means(table, j));
    p.push_back(testable(columns[j], subjects)
                    ? kruskal_wallis(columns[j].data(), Groups(subjects.group_of)).p
                    : kNone);
  }
  const std::vector<double> q = benjamini_hochberg(p);
  std::string csv = group_stats_head(head);
  for (size_t j = 0; j < table.measures.size(); ++j) {
    const std::vector<double>& values = columns[j];
    const bool tested = testable(values, subjects);
    csv += table.measures[j];
    for (size_t group = 0; group < subjects.groups.size(); ++group) {
      const Mean mean = mean_of(of_group(values, subjects, group));
      for (const double value : {mean.n, mean.mean, mean.deviation}) add_number(csv, value);
    }
    const double h = tested ? kruskal_wallis(values.data(), Groups(subjects.group_of)).h : kNone;
    const WelchAnova welch = tested ? welch_anova(values.data(), Groups(subjects.group_of))
                                    : WelchAnova{kNone, kNone, kNone, kNone};
    for (const double value : {h, p[j], q[j], welch.f, welch.df1, welch.df2, welch.p}) add_number(csv, value);
    for (const EffectSize& effect : effects_of(values, subjects))
      for (const double value : {effect.g, effect.low, effect.high}) add_number(csv, value);
    csv += "\n";
  }
  return csv;
}

std::vector<EffectSize> group_effects(const SweepHead& head, const StepTable& table, size_t measure) {
  const Subjects subjects(head);
  return effects_of(subjects.means(table, measure), subjects);
}

std::vector<std::string> group_pairs(const SweepHead& head) {
  const std::vector<std::string> groups = group_names(head);
  std::vector<std::string> pairs;
  for (size_t a = 0; a < groups.size(); ++a)
    for (size_t b = a + 1; b < groups.size(); ++b) pairs.push_back(groups[b] + "-" + groups[a]);
  return pairs;
}

double TaskMean::error() const { return deviation / std::sqrt(n); }

std::vector<TaskMean> task_means(const SweepHead& head, const StepTable& table, size_t measure) {
  const std::vector<std::string> groups = group_names(head);
  std::map<std::pair<size_t, std::string>, std::vector<double>> cells;  // group, task
  for (size_t i = 0; i < head.recordings.size(); ++i) {
    const auto group = std::find(groups.begin(), groups.end(), head.recordings[i].group) - groups.begin();
    cells[{static_cast<size_t>(group), head.recordings[i].task}].push_back(table.at(i, measure));
  }
  std::vector<TaskMean> means;
  for (const auto& [key, values] : cells) {
    const Mean mean = mean_of(values);
    means.push_back({groups[key.first], key.second, mean.n, mean.mean, mean.deviation});
  }
  return means;
}

std::string task_stats_csv(const SweepHead& head, const StepTable& table) {
  std::string csv = "measure,Group,q,n,mean,sd,sem\n";
  for (size_t j = 0; j < table.measures.size(); ++j)
    for (const TaskMean& each : task_means(head, table, j)) {
      csv += text(table.measures[j], ",", each.group, ",", each.task);
      for (const double value : {each.n, each.mean, each.deviation, each.error()}) add_number(csv, value);
      csv += "\n";
    }
  return csv;
}

}  // namespace athanor::rqa
