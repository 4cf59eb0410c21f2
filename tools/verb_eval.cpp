#include "tools/verbs.h"

namespace athanor {
void add_eval_verb(CLI::App& /*app*/) {}
}  // namespace athanor
