// The five steps' folder of a combination, as the founding project lays it out:
//   m2_tau1_eps0.06_lmin2/step1_rqa_calculation/RQA_1D2D_summary_{group}.csv
//                        /step2_data_merge/RQA_merged.csv
//                        /step3_feature_enrichment/RQA_enriched.csv
//                        /step4_statistics/group_stats_output.csv, multi_level_stats_output.csv
//                        /step5_visualization/tasks_{measure}.svg, effect_sizes-{2D-xy|1D-x|1D-y}.svg
//                        /metadata.json
// The same results give the same bytes. Left out: ROIFixDurSum (regions of interest are not in a recording).
#pragma once

#include <functional>
#include <string>

#include "src/rqa/step_table.h"

namespace athanor::rqa {

struct StepsCounts {
  int64_t written = 0;
  int64_t there = 0;  // complete from before
};

// Writes the folders of `combinations` into `folder`. A folder appears when all of it is on the disk: what a
// killed run has left is made anew, what is complete is not repeated. `done` is told the combinations that
// are there, now and then. Throws Error (disk full, …); usage Error where a folder is of other results.
StepsCounts write_steps(const SweepResults& results, const std::string& folder,
                        const std::vector<Combination>& combinations, int threads,
                        const std::function<void(int64_t done)>& done);

}  // namespace athanor::rqa
