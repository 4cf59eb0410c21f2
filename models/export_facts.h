// The JSON that goes with an exported model.
#pragma once

#include <string>
#include <vector>

#include "models/export.h"

namespace athanor {

// As PyTorch and NumPy call it: "uint8" (images), "int64" (token ids) or "float32".
std::string dtype_name(at::ScalarType dtype);

// `inputs`: names of the spec's inputs that the module takes, in order.
std::string facts_json(const DataSpec& spec, const ExportFacts& facts, const std::vector<std::string>& inputs,
                       const std::vector<std::string>& outputs);

}  // namespace athanor
