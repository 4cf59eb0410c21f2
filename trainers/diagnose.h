// Why a step went bad: runs a batch again and names the first tensor with a NaN or an infinity in it.
#pragma once

#include <string>

#include "models/model.h"
#include "src/core/batch.h"
#include "trainers/objective.h"

namespace athanor {

// In the order in which they are computed: input, label, parameter, output, loss part, loss, gradient of a
// parameter. "NaN in gradient of 'lstm.weight'"; "" where all is finite. Leaves gradients behind.
std::string find_bad_tensor(Model& model, const Objective& objective, const Batch& batch,
                            at::ScalarType autocast);

// "batch 17 (128 samples, 2022-01-04 18:00 to 2022-01-05 02:00)"; batches count from 0.
std::string batch_text(const Batch& batch);

}  // namespace athanor
