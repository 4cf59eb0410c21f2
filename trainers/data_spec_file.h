// A DataSpec in one safetensors file: the constants as tensors, the rest as JSON in the metadata, so that a
// model can be built again without its data.
#pragma once

#include <string>

#include "src/core/batch.h"

namespace athanor {

void write_data_spec(const std::string& path, const DataSpec& spec);
// Throws Error.
DataSpec read_data_spec(const std::string& path);

}  // namespace athanor
