#include "tools/verbs.h"

namespace athanor {
void add_train_verb(CLI::App& /*app*/) {}
}  // namespace athanor
