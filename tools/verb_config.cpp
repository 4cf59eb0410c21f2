#include "tools/verbs.h"

namespace athanor {
void add_config_verb(CLI::App& /*app*/) {}
}  // namespace athanor
