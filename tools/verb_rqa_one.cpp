// athanor rqa one: the metrics of one series at one combination.
#include "tools/rqa_verbs.h"

namespace athanor {

void add_rqa_one(CLI::App& /*rqa*/) {}

}  // namespace athanor
