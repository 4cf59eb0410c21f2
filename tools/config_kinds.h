// The kinds of configuration that there are, each with what reads it: for verbs that take any of them.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "src/core/fields.h"

namespace athanor {

struct ConfigKind {
  std::string name;     // "job"
  std::string summary;  // what it is and which verb reads it
  // The fields with their defaults, and as a file and overrides set them: read strictly, and checked as far
  // as is possible without data. Throws usage Error.
  std::function<FieldList()> defaults;
  std::function<FieldList(const std::string& path, const std::vector<std::string>& overrides)> load;
};

const std::vector<ConfigKind>& config_kinds();

// Throws usage Error naming those known.
const ConfigKind& config_kind(const std::string& name);

// The kind that knows most of the file's top keys, the first of several. Throws usage Error: no kind knows
// any of them; not a configuration.
const ConfigKind& kind_of_config(const std::string& path);

}  // namespace athanor
