// The keys at the top of a configuration, by which its kind is told before it is read.
#pragma once

#include <string>
#include <vector>

#include "src/core/fields.h"

namespace athanor {

// Those of the YAML file, in its order. Throws usage Error: no such file, not YAML, not a mapping, a key
// given twice.
std::vector<std::string> config_keys(const std::string& path);

// Those that the list knows.
std::vector<std::string> field_keys(const FieldList& list);

}  // namespace athanor
