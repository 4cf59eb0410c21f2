// What models ask of a DataSpec before they are built: named inputs of a given rank, with errors that list
// what is there.
#pragma once

#include <string>
#include <vector>

#include "src/core/batch.h"

namespace athanor {

// The inputs `names` (all of the data's where empty), in that order. Throws usage Error for an unknown name
// and where `rank` (dimensions of one sample; 0: any) differs.
std::vector<TensorSpec> pick_inputs(const DataSpec& spec, const std::vector<std::string>& names, size_t rank,
                                    const std::string& model);

}  // namespace athanor
