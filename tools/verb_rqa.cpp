// athanor rqa: recurrence quantification analysis, of one series or of a study at all combinations of a grid.
#include <CLI/CLI.hpp>

#include "tools/rqa_verbs.h"
#include "tools/verbs.h"

namespace athanor {

void add_rqa_verb(CLI::App& app) {
  CLI::App* rqa =
      app.add_subcommand("rqa", "Recurrence quantification analysis: a series, a study, its report");
  rqa->require_subcommand(1);
  rqa->footer(
      "Example:\n"
      "  athanor rqa synth --output study\n"
      "  athanor rqa sweep --input study --output swept --m 1:10 --tau 1:10 --eps 0.05:0.10:0.001 --lmin "
      "2:3\n"
      "  athanor rqa report swept --input study --output report.html");
  add_rqa_one(*rqa);
  add_rqa_sweep(*rqa);
  add_rqa_merge(*rqa);
  add_rqa_report(*rqa);
  add_rqa_plot(*rqa);
  add_rqa_synth(*rqa);
}

}  // namespace athanor
