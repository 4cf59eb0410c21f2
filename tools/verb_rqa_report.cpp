// athanor rqa report: a sweep's findings as one HTML page. athanor rqa plot: a recurrence plot.
#include "tools/rqa_verbs.h"

namespace athanor {

void add_rqa_report(CLI::App& /*rqa*/) {}

void add_rqa_plot(CLI::App& /*rqa*/) {}

}  // namespace athanor
