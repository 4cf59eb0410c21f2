// One combination's numbers as the tables of the five steps: recordings by measures, as CSV. A measure is a
// metric of an analysis ("RR-2D-xy", "DET-1D-x"); numbers are the shortest decimals that read back the same,
// what has no value is empty.
#pragma once

#include <string>
#include <vector>

#include "src/rqa/results.h"

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

// A comma and the number; nothing behind it for NaN.
void add_number(std::string& csv, double value);

}  // namespace athanor::rqa
