// Step 4 of a combination: group tests over subjects' means, and means by group and task.
#pragma once

#include <string>
#include <vector>

#include "src/rqa/step_table.h"
#include "src/rqa/subjects.h"

namespace athanor::rqa {

struct TaskMean {
  std::string group, task;
  SampleMean recordings;
};

// Of one measure; what is not tested, for want of a second group or of some subject's value, is NaN.
struct MeasureStatistics {
  std::vector<SampleMean> groups;  // [group], of subjects' means over tasks
  KruskalWallis kruskal;
  double q = 0;  // false-discovery rate over this combination's measures
  WelchAnova welch;
  std::vector<EffectSize> effects;  // [pair]
  std::vector<TaskMean> tasks;      // by group and task, those that occur
};

struct StepStatistics {
  std::vector<std::string> groups, pairs;   // "mci-control": the later group less the earlier
  std::vector<MeasureStatistics> measures;  // as in the table
};
StepStatistics test_measures(const SweepHead& head, const StepTable& table);

// Each measure's group means, whether they differ, and effect sizes.
std::string group_stats_csv(const StepTable& table, const StepStatistics& statistics);
// Each measure's means by group and task.
std::string task_stats_csv(const StepTable& table, const StepStatistics& statistics);

}  // namespace athanor::rqa
