// The fields of the `trainer` section.
#include "trainers/trainer_config.h"

namespace athanor {

void TrainerConfig::list_fields(Fields& fields) {
  fields.field("max_epochs", max_epochs, "passes over the training data; 0: until max_steps", kNonNegative);
  fields.field("max_steps", max_steps, "updates of the weights; 0: until max_epochs", kNonNegative);
  fields.field("precision", precision, "of the forward pass: bf16 and fp16 by autocast (fp16 on a GPU only)",
               one_of({"fp32", "bf16", "fp16"}));
  fields.field("accumulate_steps", accumulate_steps, "batches whose gradients are averaged into one update",
               between(1, 1e6));
  fields.field("clip_norm", clip_norm, "largest norm of all gradients together; 0: no clipping",
               kNonNegative);
  fields.field(
      "ema_decay", ema_decay,
      "evaluate and keep an exponential moving average of the weights, e.g. 0.999; 0: the weights themselves",
      kDropout);
  fields.field("eval_every_steps", eval_every_steps, "steps between evaluations; 0: after each epoch",
               kNonNegative);
  fields.field("checkpoint_every_steps", checkpoint_every_steps,
               "steps between checkpoints; 0: after each epoch (the best one is always kept)", kNonNegative);
  fields.field("keep_last", keep_last, "newest checkpoints that are kept, besides the best", between(1, 1e6));
  fields.field("log_every_steps", log_every_steps, "steps between lines of metrics", between(1, 1e9));
  fields.field("monitor", monitor, "value that picks the best checkpoint, stops early and feeds plateau",
               kNotEmpty);
  fields.field("monitor_mode", monitor_mode, "whether less or more of it is better", one_of({"min", "max"}));
  fields.field("early_stopping_patience", early_stopping_patience,
               "evaluations without a better value before the run ends; 0: never", kNonNegative);
  fields.field("sanity_batches", sanity_batches, "validation batches tried before the first step",
               kNonNegative);
  fields.field("check_finite", check_finite, "stop at the first NaN or infinity and say where it is");
  fields.field("deterministic", deterministic, "only deterministic kernels (slower on a GPU)");
  fields.field("overfit_one_batch", overfit_one_batch,
               "train on the first batch alone, to try model and loss");
  fields.field("empty_cache_every_epochs", empty_cache_every_epochs,
               "give cached device memory back every so many epochs; 0: never", kNonNegative);
  fields.field("profile_steps", profile_steps, "write a Chrome trace of the first so many steps; 0: none",
               kNonNegative);
}

}  // namespace athanor
