#include "tools/verbs.h"

namespace athanor {
void add_prepare_verb(CLI::App& /*app*/) {}
}  // namespace athanor
