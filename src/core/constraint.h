// How a Constraint reads to people, and whether a value keeps it. Internal to the config reader and writer.
#pragma once

#include <string>

#include "src/core/fields.h"

namespace athanor {

// "a number > 0", "one of: a, b", "an integer in [0,1]"; `kind` is "a number", "an integer", …
std::string constraint_text(const Constraint& allowed, const std::string& kind);
bool holds(const Constraint& allowed, double value);
bool holds(const Constraint& allowed, const std::string& value);

}  // namespace athanor
