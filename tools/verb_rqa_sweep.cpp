// athanor rqa sweep, merge, synth: a study's recordings at all combinations of a grid.
#include "tools/rqa_verbs.h"

namespace athanor {

void add_rqa_sweep(CLI::App& /*rqa*/) {}

void add_rqa_merge(CLI::App& /*rqa*/) {}

void add_rqa_synth(CLI::App& /*rqa*/) {}

}  // namespace athanor
