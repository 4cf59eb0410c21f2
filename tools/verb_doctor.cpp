#include "tools/verbs.h"

namespace athanor {
void add_doctor_verb(CLI::App& /*app*/) {}
}  // namespace athanor
