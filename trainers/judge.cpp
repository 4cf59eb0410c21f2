#include "trainers/judge.h"

#include <utility>

namespace athanor {

Judgement judge(Model& model, ChunkDataLoader& loader, const Objective& objective, const Evaluator* evaluator,
                const JudgeOptions& options) {
  const std::unique_ptr<Tally> tally = evaluator != nullptr ? evaluator->start_tally() : nullptr;
  PredictOptions predict_options = options.predict;
  predict_options.keep = evaluator != nullptr && tally == nullptr;
  if (tally != nullptr)
    predict_options.on_batch = [&tally, &options](const Batch& batch, const TensorMap& outputs) {
      tally->add(batch, outputs);
      if (options.predict.on_batch) options.predict.on_batch(batch, outputs);
    };
  PredictResult result = predict(model, loader, objective, predict_options, options.training_after);
  Judgement judgement{.complete = result.complete};
  if (judgement.complete && tally != nullptr)
    judgement.report = tally->report(result.predictions, options.parts);
  else if (judgement.complete && evaluator != nullptr)
    judgement.report =
        evaluator->evaluate(result.predictions, options.parts.tables ? options.train_labels() : TensorMap(),
                            options.parts.tables);
  judgement.losses.loss = result.predictions.loss;
  judgement.losses.loss_parts = std::move(result.predictions.loss_parts);
  return judgement;
}

}  // namespace athanor
