// The training loop: batches in, weights out. Parts come in through the constructor and never call back; what
// is seen and kept of a run goes to its RunDir.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "data/augment/augmentation.h"
#include "data/chunk_loader.h"
#include "models/model.h"
#include "src/core/progress.h"
#include "trainers/evaluator.h"
#include "trainers/loss_meter.h"
#include "trainers/memory_watch.h"
#include "trainers/monitor.h"
#include "trainers/objective.h"
#include "trainers/optimizer.h"
#include "trainers/precision.h"
#include "trainers/run_dir.h"
#include "trainers/schedule.h"
#include "trainers/trainer_config.h"
#include "trainers/weight_average.h"

namespace athanor {

class StepProfile;

struct TrainerParts {
  Model& model;
  const Objective& objective;
  ChunkDataLoader& train;
  ChunkDataLoader* validation = nullptr;       // without: no evaluation, no best checkpoint
  const Evaluator* evaluator = nullptr;        // without: only the loss is measured
  const Augmentation* augmentation = nullptr;  // of training batches alone
};

struct TrainResult {
  int64_t step = 0;
  bool interrupted = false;
  bool stopped_early = false;
  double train_loss = 0;    // of the last batch
  Metrics last_evaluation;  // "val/loss", …; empty where there was none
  double best_value = 0;    // of trainer.monitor, where best_step >= 0
  int64_t best_step = -1;
};

class Trainer {
 public:
  // Keeps references to the parts. Throws usage Error where the configs do not go together.
  Trainer(const TrainerConfig& config, const OptimizerConfig& optimizer, const ScheduleConfig& schedule,
          uint64_t seed, at::Device device, const TrainerParts& parts);
  ~Trainer();

  int64_t steps_per_epoch() const;
  int64_t total_steps() const;
  const Schedule& schedule() const { return schedule_; }

  // Forward and backward of the first batch; no weight changes. Returns its loss. Throws Error.
  double try_batch();
  // A few validation batches, so that what is wrong with them shows before hours of training. Throws Error.
  void check_validation();
  // Goes on where `checkpoint` was saved. Throws Error where it is of another model or optimizer.
  void resume(const Checkpoint& checkpoint);
  // Trains to the end, or until stop_requested(). `run` has begun; nullptr: nothing is written or shown.
  TrainResult run(RunDir* run);

 private:
  void train_epoch();
  bool accumulate(int64_t group);
  Loss learn(const Batch& batch, const at::Tensor& share);
  Loss learn_in_pieces(const Batch& batch, const at::Tensor& share);
  void take_back(int64_t first_batch, const TensorMap& carried, const std::string& reason);
  TensorMap forward(const TensorMap& inputs);
  at::Tensor share_of(const Batch& batch, int64_t group);
  // Batch `number` of all epochs, which the loader stands before; augmented.
  Batch next_batch(int64_t number);
  void update_weights(int64_t group);
  void after_step();
  // Evaluates and saves where due, or where a signal asks to stop.
  void keep_step();
  void end_epoch();
  TrainResult finish();

  bool finished() const;
  bool evaluation_due() const;
  bool checkpoint_due() const;
  int64_t batches_done() const { return epoch_ * batches_per_epoch_ + batch_; }

  void say_augmentation();

  // Fetches the losses from the device and stops at the first that is not finite.
  void settle();
  [[noreturn]] void stop_at(int64_t step, int64_t first_batch, int64_t batches);
  void log();
  void show_progress();
  ProgressState progress_state() const;
  // `pictures` receives the report's, where given.
  std::optional<Metrics> validate(int64_t max_batches, std::vector<Picture>* pictures = nullptr);
  double monitored(const Metrics& values) const;
  bool evaluate();
  void report(const Metrics& values, bool best);
  void save(bool best);

  TrainerConfig config_;
  uint64_t seed_;
  at::Device device_;
  at::ScalarType autocast_;
  Model& model_;
  const Objective& objective_;
  ChunkDataLoader& train_;
  ChunkDataLoader* validation_;
  const Evaluator* evaluator_;
  const Augmentation* augmentation_;
  int64_t batches_per_epoch_;
  Optimizer optimizer_;
  Schedule schedule_;
  GradScaler scaler_;
  std::unique_ptr<WeightAverage> average_;  // nullptr: without
  Monitor monitor_;
  LossMeter meter_;
  MemoryWatch memory_;

  // Where the run stands: updates done, epochs done, batches of this epoch done.
  int64_t step_ = 0, epoch_ = 0, batch_ = 0;
  int64_t evaluated_step_ = -1, saved_step_ = -1;
  bool interrupted_ = false;

  // Each batch is learned from in so many pieces: 1 until memory does not suffice.
  int64_t pieces_ = 1;

  // Of the update in progress: samples that count as one share, samples so far.
  int64_t group_unit_ = 0, group_samples_ = 0;
  at::Tensor gradient_norm_;
  // Updates that nobody has looked at yet: whether their gradients were finite is still on the device.
  struct Update {
    int64_t step, first_batch, batches;
    at::Tensor found_inf;
  };
  std::vector<Update> unseen_;

  RunDir* run_ = nullptr;
  std::optional<Batch> only_batch_;  // overfit_one_batch
  std::string said_augmentation_;
  std::unique_ptr<Progress> progress_;
  std::unique_ptr<StepProfile> profile_;
  Metrics last_evaluation_;
  std::chrono::steady_clock::time_point log_time_;
  int64_t samples_seen_ = 0, logged_samples_ = 0;
  double logged_wait_s_ = 0;
};

}  // namespace athanor
