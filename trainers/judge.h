// A model over a split and what an evaluator says of it, gathered whole or tallied batch by batch as the
// evaluator wants: what the trainer's validation and `athanor eval` share.
#pragma once

#include <functional>

#include "trainers/predict.h"

namespace athanor {

struct JudgeOptions {
  PredictOptions predict;  // whose `keep` is the evaluator's to say
  ReportParts parts;
  // The training split's labels; called only where tables are made of gathered predictions.
  std::function<TensorMap()> train_labels = [] { return TensorMap(); };
  bool training_after = false;
};

struct Judgement {
  Predictions losses;  // the loss and its parts alone
  Report report;       // empty unless complete, and without an evaluator
  bool complete = true;
};

// As predict(); without an evaluator only the loss is measured. Throws Error.
Judgement judge(Model& model, ChunkDataLoader& loader, const Objective& objective, const Evaluator* evaluator,
                const JudgeOptions& options);

}  // namespace athanor
