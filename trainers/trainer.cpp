// One training step, read top to bottom: next batch, forward under autocast, loss in fp32, scaled backward,
// accumulated; unscale, clip, step; then meters, evaluation, checkpoint when due. Nothing is fetched from the
// device between log lines.
#include "trainers/trainer.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/_foreach_mul.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <cmath>

#include "src/core/error.h"
#include "src/core/log.h"
#include "src/core/random.h"
#include "src/core/stop.h"
#include "src/core/text.h"
#include "trainers/seeding.h"
#include "trainers/step_profile.h"

namespace athanor {
namespace {

int64_t steps_of(const TrainerConfig& config, int64_t batches_per_epoch) {
  const int64_t per_epoch = (batches_per_epoch + config.accumulate_steps - 1) / config.accumulate_steps;
  const int64_t by_epochs = config.max_epochs * per_epoch;
  if (config.max_steps == 0) return by_epochs;
  return config.max_epochs == 0 ? config.max_steps : std::min(config.max_steps, by_epochs);
}

void check_parts(const TrainerConfig& config, const ScheduleConfig& schedule, const TrainerParts& parts) {
  if (parts.train.batches_per_epoch() == 0)
    throw usage_error({"data", "no training batch: fewer samples than one batch", "",
                       text(parts.train.samples()), "lower data.batch_size, or data.drop_last=false"});
  if (config.max_epochs == 0 && config.max_steps == 0)
    throw usage_error({"trainer", "the run would never end", "max_epochs or max_steps above 0", "both 0"});
  if (parts.validation != nullptr || config.overfit_one_batch) return;
  if (config.early_stopping_patience > 0)
    throw usage_error({"trainer.early_stopping_patience", "needs validation data"});
  if (schedule.name == "plateau") throw usage_error({"schedule.name", "plateau needs validation data"});
}

Batch copy_of(const Batch& batch) {
  Batch copy = batch;
  for (auto& [name, tensor] : copy.inputs) tensor = tensor.clone();
  for (auto& [name, tensor] : copy.labels) tensor = tensor.clone();
  if (batch.time.defined()) copy.time = batch.time.clone();
  return copy;
}

}  // namespace

Trainer::Trainer(const TrainerConfig& config, const OptimizerConfig& optimizer,
                 const ScheduleConfig& schedule, uint64_t seed, at::Device device, const TrainerParts& parts)
    : config_(config),
      seed_(seed),
      device_(device),
      autocast_(autocast_type(parse_precision(config.precision, device))),
      model_(parts.model),
      objective_(parts.objective),
      train_(parts.train),
      validation_(config.overfit_one_batch ? nullptr : parts.validation),
      evaluator_(parts.evaluator),
      augmentation_(config.overfit_one_batch ? nullptr : parts.augmentation),
      batches_per_epoch_(parts.train.batches_per_epoch()),
      optimizer_(optimizer, parts.model.parameters()),
      schedule_(schedule, optimizer.lr, steps_of(config, batches_per_epoch_), config.monitor_mode == "min"),
      scaler_(autocast_ == at::kHalf, device),
      monitor_(config.monitor_mode == "min", config.early_stopping_patience),
      memory_(device) {
  check_parts(config, schedule, parts);
  if (config.ema_decay > 0) average_ = std::make_unique<WeightAverage>(model_, config.ema_decay);
  set_deterministic(config.deterministic);
}

Trainer::~Trainer() = default;

TrainResult Trainer::run(RunDir* run) {
  run_ = run;
  if (run_ != nullptr) {
    progress_ = std::make_unique<Progress>();
    profile_ = std::make_unique<StepProfile>(config_.profile_steps, run_->path() + "/trace.json", device_);
  }
  log_time_ = std::chrono::steady_clock::now();
  model_.set_training(true);
  // A run that was stopped inside an evaluation owes it.
  if (step_ > 0 && evaluation_due()) keep_step();
  while (!finished()) {
    train_epoch();
    if (batch_ == batches_per_epoch_) end_epoch();
  }
  return finish();
}

void Trainer::train_epoch() {
  say_augmentation();
  if (batch_ < batches_per_epoch_ && !only_batch_) train_.start_epoch(epoch_, batch_);
  while (batch_ < batches_per_epoch_ && !finished()) {
    // The last group of an epoch may be shorter.
    const int64_t group = std::min(config_.accumulate_steps, batches_per_epoch_ - batch_);
    if (!accumulate(group)) continue;
    update_weights(group);
    ++step_;
    after_step();
  }
}

// Gradients of the mean loss over the samples of the next `group` batches. Returns false where memory did not
// suffice: the group begins again, in smaller pieces.
bool Trainer::accumulate(int64_t group) {
  group_samples_ = 0;
  const int64_t first = batch_;
  const TensorMap carried = model_.state();
  try {
    for (int64_t i = 0; i < group; ++i) {
      const Batch batch = next_batch(batches_done());
      seed_generators(mix_seed(seed_, batches_done()), device_);
      if (!batch.follows_previous) model_.set_state({});
      meter_.add(learn(batch, share_of(batch, group)), batch.size, batches_done());
      samples_seen_ += batch.size;
      ++batch_;
    }
    return true;
  } catch (const c10::OutOfMemoryError& error) {
    take_back(first, carried, error.what());
    return false;
  }
}

// Forward and backward; gradients are those of the loss times `share`.
Loss Trainer::learn(const Batch& batch, const at::Tensor& share) {
  if (pieces_ > 1) return learn_in_pieces(batch, share);
  Loss loss = objective_.compute(forward(batch.inputs), batch.labels);
  loss.total.backward(share);
  return loss;
}

TensorMap Trainer::forward(const TensorMap& inputs) {
  if (autocast_ == at::ScalarType::Undefined) return model_.forward(inputs);
  const AutocastGuard guard(autocast_, device_);
  return to_fp32(model_.forward(inputs));
}

// What the batch's loss is multiplied with: its part of the group's samples, times the loss scale. The
// group's size is not known before its last batch, so full batches are assumed here and update_weights() puts
// it right.
at::Tensor Trainer::share_of(const Batch& batch, int64_t group) {
  if (group_samples_ == 0) group_unit_ = group * batch.size;
  group_samples_ += batch.size;
  if (group == 1) return scaler_.scale();
  return scaler_.scale().mul(static_cast<double>(batch.size) / static_cast<double>(group_unit_));
}

void Trainer::update_weights(int64_t group) {
  const at::NoGradGuard no_grad;
  const bool watch = config_.check_finite || scaler_.enabled();
  const std::vector<at::Tensor>& gradients = optimizer_.gradients();
  if (group_samples_ != group_unit_)
    at::_foreach_mul_(gradients, static_cast<double>(group_unit_) / static_cast<double>(group_samples_));
  at::Tensor found_inf;
  if (watch) found_inf = scaler_.unscale(gradients);
  if (config_.clip_norm > 0) gradient_norm_ = clip_gradients(gradients, config_.clip_norm);
  optimizer_.step(schedule_.rate(step_), found_inf);
  scaler_.update(found_inf);
  optimizer_.zero_gradients();
  if (average_ != nullptr) average_->add(step_);
  if (watch) unseen_.push_back({step_, batches_done() - group, group, found_inf});
  if (config_.check_finite && device_.is_cpu()) settle();
}

Batch Trainer::next_batch(int64_t number) {
  if (only_batch_) return *only_batch_;
  std::optional<Batch> batch = train_.next();
  if (!batch)
    throw Error({"data", text("the epoch ended at batch ", number % batches_per_epoch_),
                 text(batches_per_epoch_, " batches")});
  if (config_.overfit_one_batch) only_batch_ = copy_of(*batch);
  if (augmentation_ != nullptr) return augmentation_->apply(*batch, seed_, number / batches_per_epoch_);
  return std::move(*batch);
}

void Trainer::after_step() {
  if (step_ % config_.log_every_steps == 0) log();
  show_progress();
  keep_step();
  if (profile_ != nullptr && profile_->end_step())
    log_info("profile written to " + run_->path() + "/trace.json");
}

void Trainer::keep_step() {
  const bool best = evaluation_due() && evaluate();
  if (best || checkpoint_due()) save(best);
  if (stop_requested()) {
    interrupted_ = true;
    if (saved_step_ != step_) save(false);
  }
}

void Trainer::end_epoch() {
  ++epoch_;
  batch_ = 0;
  if (const std::string warning = memory_.end_epoch(); !warning.empty()) log_warning(warning);
  if (config_.empty_cache_every_epochs > 0 && epoch_ % config_.empty_cache_every_epochs == 0)
    empty_memory_cache(device_);
}

bool Trainer::finished() const {
  return interrupted_ || monitor_.out_of_patience() ||
         (config_.max_steps > 0 && step_ >= config_.max_steps) ||
         (config_.max_epochs > 0 && epoch_ >= config_.max_epochs);
}

bool Trainer::evaluation_due() const {
  if (validation_ == nullptr || evaluated_step_ == step_) return false;
  return config_.eval_every_steps > 0 ? step_ % config_.eval_every_steps == 0 : batch_ == batches_per_epoch_;
}

bool Trainer::checkpoint_due() const {
  if (saved_step_ == step_) return false;
  return config_.checkpoint_every_steps > 0 ? step_ % config_.checkpoint_every_steps == 0
                                            : batch_ == batches_per_epoch_;
}

int64_t Trainer::steps_per_epoch() const {
  return (batches_per_epoch_ + config_.accumulate_steps - 1) / config_.accumulate_steps;
}

int64_t Trainer::total_steps() const { return steps_of(config_, batches_per_epoch_); }

}  // namespace athanor
