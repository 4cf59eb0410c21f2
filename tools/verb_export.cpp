#include "tools/verbs.h"

namespace athanor {
void add_export_verb(CLI::App& /*app*/) {}
}  // namespace athanor
