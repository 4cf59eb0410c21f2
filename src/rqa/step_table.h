// One combination's numbers as the tables of the five steps: recordings by measures, as CSV. A measure is a
// metric of an analysis ("RR-2D-xy", "DET-1D-x"); numbers are the shortest decimals that read back the same,
// what has no value is empty.
#pragma once

#include <string>
#include <vector>

#include "src/rqa/results.h"
#include "src/rqa/statistics.h"

namespace athanor::rqa {

// Indexes into the grid's axes.
struct Combination {
  size_t m = 0, tau = 0, eps = 0, lmin = 0;
};
// "all", or signatures ("m2_tau1_eps0.06_lmin2") separated by commas. Ordered as the grid. Throws usage Error
// for what the grid does not have.
std::vector<Combination> combinations_of(const std::string& written, const Grid& grid);
std::string signature_of(const Combination& combination, const Grid& grid);

struct StepTable {
  std::vector<std::string> measures;  // of metrics in the sweep's order, 2D before 1D, then gaze features
  size_t rqa_measures = 0;            // how many are not gaze features
  std::vector<double> values;         // [recording, measure]
  double at(size_t recording, size_t measure) const { return values[recording * measures.size() + measure]; }
};

// planes: for each analysis of the head, its plane [recording, eps, l_min, metric] at the combination's m and
// tau.
StepTable make_step_table(const SweepHead& head, const std::vector<std::vector<double>>& planes,
                          const Combination& combination);

// Step 1, of one group: filename, folder, q and the measures of recurrence.
std::string summary_csv(const SweepHead& head, const StepTable& table, const std::string& group);
// Step 2, of all groups: those and ID, Group. Step 3, `enriched`: and the gaze's fixations and saccades.
std::string merged_csv(const SweepHead& head, const StepTable& table, bool enriched);

// Step 4: each measure's group means over subjects (of subjects' means over tasks), whether they differ
// (statistics.h), and effect sizes. False-discovery rates q are over the measures of this combination alone;
// `athanor rqa report` corrects over the whole sweep.
std::string group_stats_csv(const SweepHead& head, const StepTable& table);
// Step 4: each measure's means by group and task.
std::string task_stats_csv(const SweepHead& head, const StepTable& table);

// Of one measure, for pictures: effect sizes of each pair of groups (the later less the earlier; NaN where
// they are not tested), and recordings' means by group and task.
std::vector<EffectSize> group_effects(const SweepHead& head, const StepTable& table, size_t measure);
std::vector<std::string> group_pairs(const SweepHead& head);  // "mci-control"
struct TaskMean {
  std::string group, task;
  double n = 0, mean = 0, deviation = 0;  // recordings with a value; the sample's standard deviation
  double error() const;                   // of the mean
};
std::vector<TaskMean> task_means(const SweepHead& head, const StepTable& table, size_t measure);

// A comma and the number; nothing behind it for NaN.
void add_number(std::string& csv, double value);

}  // namespace athanor::rqa
