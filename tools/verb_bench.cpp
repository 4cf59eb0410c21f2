#include "tools/verbs.h"

namespace athanor {
void add_bench_verb(CLI::App& /*app*/) {}
}  // namespace athanor
