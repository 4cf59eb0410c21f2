// How a run goes: its length, precision, accumulation, clipping, checkpoints, evaluation, checks.
#pragma once

#include <cstdint>
#include <string>

#include "src/core/fields.h"

namespace athanor {

struct TrainerConfig {
  int64_t max_epochs = 10;
  int64_t max_steps = 0;
  std::string precision = "fp32";
  int64_t accumulate_steps = 1;
  double clip_norm = 0;
  double ema_decay = 0;
  int64_t eval_every_steps = 0;
  int64_t checkpoint_every_steps = 0;
  int64_t keep_last = 3;
  int64_t log_every_steps = 50;
  std::string monitor = "val/loss";
  std::string monitor_mode = "min";
  int64_t early_stopping_patience = 0;
  int64_t sanity_batches = 2;
  bool check_finite = true;
  bool deterministic = false;
  bool overfit_one_batch = false;
  int64_t empty_cache_every_epochs = 0;
  int64_t profile_steps = 0;
  void list_fields(Fields& fields);
};

}  // namespace athanor
