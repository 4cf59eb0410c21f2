// Step 5 of a combination: each measure's means by group and task, and the groups' effect sizes, as SVG
// files.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "src/rqa/step_statistics.h"

namespace athanor::rqa {

// Names and contents of the files. Every picture says `signature` and what its numbers are.
std::vector<std::pair<std::string, std::string>> draw_steps(const SweepHead& head, const StepTable& table,
                                                            const StepStatistics& statistics,
                                                            const std::string& signature);

}  // namespace athanor::rqa
