#include "tools/verbs.h"

namespace athanor {
void add_synth_verb(CLI::App& /*app*/) {}
}  // namespace athanor
