#include "src/rqa/step_statistics.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "src/core/text.h"
#include "src/rqa/csv_table.h"

namespace athanor::rqa {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

// values [subject].
void test_groups(const double* values, const Subjects& subjects, size_t pairs, MeasureStatistics& out) {
  std::vector<std::vector<double>> of_group(subjects.groups.size());
  bool all_known = true;
  for (size_t i = 0; i < subjects.names.size(); ++i) {
    of_group[static_cast<size_t>(subjects.names[i].second)].push_back(values[i]);
    all_known &= std::isfinite(values[i]);
  }
  for (const std::vector<double>& each : of_group) out.groups.push_back(sample_mean(each));
  out.kruskal = {kNone, kNone}, out.welch = {kNone, kNone, kNone, kNone};
  out.effects.assign(pairs, {kNone, kNone, kNone, kNone});
  if (!all_known || of_group.size() < 2) return;
  const Groups groups = subjects.tested();
  out.kruskal = kruskal_wallis(values, groups);
  out.welch = welch_anova(values, groups);
  size_t pair = 0;
  for (int a = 0; a < static_cast<int>(of_group.size()); ++a)
    for (int b = a + 1; b < static_cast<int>(of_group.size()); ++b)
      out.effects[pair++] = hedges_g(values, groups, b, a);
}

// Which recordings each group has in each task.
using Cells = std::map<std::pair<int, std::string>, std::vector<size_t>>;

Cells cells_of(const SweepHead& head, const Subjects& subjects) {
  Cells cells;
  for (size_t i = 0; i < head.recordings.size(); ++i) {
    const int group = subjects.names[static_cast<size_t>(subjects.of_recording[i])].second;
    cells[{group, head.recordings[i].task}].push_back(i);
  }
  return cells;
}

std::vector<TaskMean> task_means(const StepTable& table, size_t measure, const Cells& cells,
                                 const std::vector<std::string>& groups) {
  std::vector<TaskMean> means;
  for (const auto& [key, recordings] : cells) {
    std::vector<double> values;
    for (const size_t i : recordings) values.push_back(table.at(i, measure));
    means.push_back({groups[static_cast<size_t>(key.first)], key.second, sample_mean(values)});
  }
  return means;
}

}  // namespace

StepStatistics test_measures(const SweepHead& head, const StepTable& table) {
  const Subjects subjects(head);
  StepStatistics out{subjects.groups, {}, {}};
  for (size_t a = 0; a < out.groups.size(); ++a)
    for (size_t b = a + 1; b < out.groups.size(); ++b)
      out.pairs.push_back(out.groups[b] + "-" + out.groups[a]);
  const std::vector<double> means = subjects.means(head, table.values);
  const Cells cells = cells_of(head, subjects);
  std::vector<double> p;
  for (size_t j = 0; j < table.measures.size(); ++j) {
    MeasureStatistics& each = out.measures.emplace_back();
    test_groups(means.data() + j * subjects.names.size(), subjects, out.pairs.size(), each);
    each.tasks = task_means(table, j, cells, out.groups);
    p.push_back(each.kruskal.p);
  }
  const std::vector<double> q = benjamini_hochberg(p);
  for (size_t j = 0; j < q.size(); ++j) out.measures[j].q = q[j];
  return out;
}

std::string group_stats_csv(const StepTable& table, const StepStatistics& statistics) {
  std::string csv = "measure";
  for (const std::string& group : statistics.groups)
    for (const char* what : {"n_", "mean_", "sd_"}) csv += text(",", csv_field(text(what, group)));
  csv += ",kruskal_h,kruskal_p,kruskal_q,welch_f,welch_df1,welch_df2,welch_p";
  for (const std::string& pair : statistics.pairs)
    for (const char* what : {"g_", "g_low_", "g_high_"}) csv += text(",", csv_field(text(what, pair)));
  csv += "\n";
  for (size_t j = 0; j < table.measures.size(); ++j) {
    const MeasureStatistics& each = statistics.measures[j];
    csv += table.measures[j];
    for (const SampleMean& group : each.groups)
      for (const double value : {group.n, group.mean, group.deviation}) add_number(csv, value);
    for (const double value :
         {each.kruskal.h, each.kruskal.p, each.q, each.welch.f, each.welch.df1, each.welch.df2, each.welch.p})
      add_number(csv, value);
    for (const EffectSize& effect : each.effects)
      for (const double value : {effect.g, effect.low, effect.high}) add_number(csv, value);
    csv += "\n";
  }
  return csv;
}

std::string task_stats_csv(const StepTable& table, const StepStatistics& statistics) {
  std::string csv = "measure,Group,q,n,mean,sd,sem\n";
  for (size_t j = 0; j < table.measures.size(); ++j)
    for (const TaskMean& each : statistics.measures[j].tasks) {
      csv += text(table.measures[j], ",", csv_field(each.group), ",", csv_field(each.task));
      const SampleMean& mean = each.recordings;
      for (const double value : {mean.n, mean.mean, mean.deviation, mean.error()}) add_number(csv, value);
      csv += "\n";
    }
  return csv;
}

}  // namespace athanor::rqa
