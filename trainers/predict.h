// A model over a whole split, in the order in which the loader gives it, without gradients: what the
// trainer's validation and `athanor eval` share.
#pragma once

#include <functional>

#include "data/chunk_loader.h"
#include "models/model.h"
#include "trainers/evaluator.h"
#include "trainers/objective.h"

namespace athanor {

struct PredictOptions {
  // Forward under autocast to this type (bf16, fp16), or in the parameters' own where undefined. The loss is
  // fp32.
  at::ScalarType autocast = at::ScalarType::Undefined;
  bool keep = true;         // outputs and labels are gathered; false: only the loss
  int64_t max_batches = 0;  // 0: all
  // Called with each batch and its fp32 outputs, both on the model's device, e.g. to write rows as they come.
  std::function<void(const Batch&, const TensorMap&)> on_batch;
};

// Runs `model` in evaluation mode over epoch 0 of `loader`, which should be sequential and keep its last
// short batch; puts the model back into the mode `training_after`, and its carried state as it was. The loss
// and its parts are the means over samples, each batch weighted by its size. Returns false in `complete`
// where stop_requested() ended it early: the predictions then cover the first batches only.
struct PredictResult {
  Predictions predictions;
  int64_t samples = 0;
  bool complete = true;
};
PredictResult predict(Model& model, ChunkDataLoader& loader, const Objective& objective,
                      const PredictOptions& options = {}, bool training_after = false);

}  // namespace athanor
