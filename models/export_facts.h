// The JSON that goes with an exported model.
#pragma once

#include <string>
#include <vector>

#include "models/export.h"

namespace athanor {

// `inputs`: names of the spec's inputs that the module takes, in order.
std::string facts_json(const DataSpec& spec, const ExportFacts& facts, const std::vector<std::string>& inputs,
                       const std::vector<std::string>& outputs);

}  // namespace athanor
