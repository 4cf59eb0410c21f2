// The trainer between steps: losses and their checks, evaluation, checkpoints, what people see.
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>

#include "src/core/error.h"
#include "src/core/log.h"
#include "src/core/random.h"
#include "src/core/text.h"
#include "trainers/diagnose.h"
#include "trainers/judge.h"
#include "trainers/seeding.h"
#include "trainers/step_profile.h"
#include "trainers/trainer.h"

namespace athanor {
namespace {

constexpr double kMib = 1 << 20;
// A loss scale below this means that no scale helps: the gradients themselves are not finite.
constexpr double kLeastScale = 1;

void add_prefixed(TensorMap& all, const std::string& prefix, const TensorMap& some) {
  for (const auto& [name, tensor] : some) all.set(prefix + name, tensor);
}

TensorMap strip_prefix(const TensorMap& all, const std::string& prefix) {
  TensorMap some;
  for (const auto& [name, tensor] : all)
    if (name.starts_with(prefix)) some.set(name.substr(prefix.size()), tensor);
  return some;
}

std::string metrics_text(const Metrics& values) {
  std::vector<std::string> parts;
  for (const auto& [name, value] : values) parts.push_back(text(name, " ", decimals(value, 4)));
  return join(parts, ", ");
}

}  // namespace

void Trainer::settle() {
  const std::optional<int64_t> bad_batch = meter_.fold();
  const std::vector<Update> updates = std::exchange(unseen_, {});
  if (!config_.check_finite) return;
  for (const Update& update : updates) {
    const bool bad_loss = bad_batch && *bad_batch < update.first_batch + update.batches;
    // With a loss scale, infinite gradients are how it finds its size.
    const bool bad_gradient = !scaler_.enabled() && update.found_inf.item<float>() != 0;
    if (bad_loss || bad_gradient) stop_at(update.step, update.first_batch, update.batches);
  }
  if (scaler_.enabled() && !updates.empty() && scaler_.scale().item<float>() < kLeastScale)
    stop_at(updates.back().step, updates.back().first_batch, updates.back().batches);
}

// The bad update was skipped, so its batches, read and run again, show what was bad (exactly so on a CPU; on
// a GPU, where later updates may have been made since, nearly so).
void Trainer::stop_at(int64_t step, int64_t first_batch, int64_t batches) {
  std::string where = text("step ", step + 1, ", epoch ", first_batch / batches_per_epoch_ + 1, ", batch ",
                           first_batch % batches_per_epoch_);
  std::string what = "NaN or infinity in the loss or a gradient";
  optimizer_.zero_gradients();
  if (!only_batch_) train_.start_epoch(first_batch / batches_per_epoch_, first_batch % batches_per_epoch_);
  for (int64_t i = 0; i < batches; ++i) {
    const Batch batch = next_batch(first_batch + i);
    seed_generators(mix_seed(seed_, first_batch + i), device_);
    const std::string found = find_bad_tensor(model_, objective_, batch, autocast_);
    if (found.empty()) continue;
    where =
        text("step ", step + 1, ", epoch ", first_batch / batches_per_epoch_ + 1, ", ", batch_text(batch));
    what = found;
    break;
  }
  if (progress_ != nullptr) progress_->clear();
  const bool data =
      what.find(" in input ") != std::string::npos || what.find(" in label ") != std::string::npos;
  throw Error(
      {where, what, "", "",
       data ? "mend the data" : "try a lower optimizer.lr, trainer.clip_norm=1 or trainer.precision=fp32"});
}

void Trainer::log() {
  settle();
  Metrics values;
  for (const auto& [name, mean] : meter_.means()) values.emplace_back("train/" + name, mean);
  values.emplace_back("lr", schedule_.rate(step_ - 1));
  if (gradient_norm_.defined()) values.emplace_back("grad_norm", gradient_norm_.item<float>());
  if (scaler_.enabled()) values.emplace_back("loss_scale", scaler_.scale().item<float>());
  meter_.clear();
  if (run_ == nullptr) return;
  const auto now = std::chrono::steady_clock::now();
  const double seconds = std::chrono::duration<double>(now - log_time_).count();
  const Metrics wall{{"seconds", seconds},
                     {"samples_per_second", static_cast<double>(samples_seen_ - logged_samples_) / seconds},
                     {"data_wait", (train_.waited_s() - logged_wait_s_) / seconds},  // part of the time
                     {"memory_mib", static_cast<double>(memory_in_use(device_)) / kMib}};
  log_time_ = now;
  logged_samples_ = samples_seen_;
  logged_wait_s_ = train_.waited_s();
  run_->record(step_, epoch_ + 1, values, wall);
}

// Once, and again where it changes with the epoch.
void Trainer::say_augmentation() {
  if (augmentation_ == nullptr || run_ == nullptr) return;
  std::string now = augmentation_->describe(epoch_);
  if (now == said_augmentation_) return;
  if (progress_ != nullptr) progress_->clear();
  log_info(text("augmentation from epoch ", epoch_ + 1, ": ", now));
  said_augmentation_ = std::move(now);
}

void Trainer::show_progress() {
  if (progress_ == nullptr || !progress_->due(step_)) return;
  settle();
  progress_->update(progress_state());
}

ProgressState Trainer::progress_state() const {
  return {.epoch = batch_ == 0 ? epoch_ : epoch_ + 1,
          .epochs = config_.max_epochs,
          .step = step_,
          .steps = total_steps(),
          .samples = samples_seen_,
          .loss = meter_.last(),
          .lr = schedule_.rate(std::max<int64_t>(0, step_ - 1))};
}

std::optional<Metrics> Trainer::validate(int64_t max_batches, std::vector<Picture>* pictures) {
  JudgeOptions options{.parts = {.pictures = pictures != nullptr}, .training_after = true};
  options.predict.autocast = autocast_;
  options.predict.max_batches = max_batches;
  const WeightAverage::Scope averaged(average_.get());
  Judgement judgement = judge(model_, *validation_, objective_, evaluator_, options);
  if (!judgement.complete) return std::nullopt;
  Metrics values{{"val/loss", judgement.losses.loss}};
  for (const auto& [name, value] : judgement.losses.loss_parts)
    values.emplace_back("val/loss_" + name, value);
  for (const auto& [name, value] : judgement.report.scalars)
    if (name != "loss") values.emplace_back("val/" + name, value);
  if (pictures != nullptr) *pictures = std::move(judgement.report.pictures);
  return values;
}

double Trainer::monitored(const Metrics& values) const {
  std::vector<std::string> names;
  for (const auto& [name, value] : values) {
    if (name == config_.monitor) return value;
    names.push_back(name);
  }
  throw usage_error({"trainer.monitor", "no such value: '" + config_.monitor + "'", "", "",
                     suggestion(config_.monitor, names)});
}

bool Trainer::evaluate() {
  settle();
  if (progress_ != nullptr) progress_->pause();
  const auto begin = std::chrono::steady_clock::now();
  std::vector<Picture> pictures;
  const std::optional<Metrics> values = validate(0, run_ != nullptr ? &pictures : nullptr);
  if (!values) return false;
  evaluated_step_ = step_;
  last_evaluation_ = *values;
  const double value = monitored(*values);
  const bool best = monitor_.observe(value, step_);
  const bool cut = schedule_.observe(value);
  if (run_ == nullptr) return best;
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  run_->record(step_, epoch_ + 1, *values, {{"seconds", took.count()}});
  if (best) run_->show(pictures);
  report(*values, best);
  if (cut) log_info(text("learning rate cut to ", shortest(schedule_.rate(step_))));
  return best;
}

void Trainer::report(const Metrics& values, bool best) {
  if (progress_ != nullptr) progress_->clear();
  log_info(text("epoch ", epoch_ + 1, ", step ", step_, ": ", metrics_text(values), best ? "  (best)" : ""));
}

void Trainer::save(bool best) {
  settle();
  saved_step_ = step_;
  if (run_ == nullptr) return;
  if (progress_ != nullptr) progress_->pause();
  Checkpoint checkpoint;
  checkpoint.values = {{"step", step_},     {"epoch", epoch_},
                       {"batch", batch_},   {"evaluated_step", evaluated_step_},
                       {"pieces", pieces_}, {"train_samples", train_.samples()}};
  schedule_.save(checkpoint.values);
  monitor_.save(checkpoint.values);
  meter_.save(checkpoint.values);
  checkpoint.model = model_weights(model_);
  if (average_ != nullptr) {
    add_prefixed(checkpoint.training, "live/", checkpoint.model);
    checkpoint.model = average_->weights();
  }
  add_prefixed(checkpoint.training, "optimizer/", optimizer_.state());
  add_prefixed(checkpoint.training, "scaler/", scaler_.state());
  add_prefixed(checkpoint.training, "carried/", model_.state());
  run_->save(std::move(checkpoint), best);
}

void Trainer::resume(const Checkpoint& checkpoint) {
  const at::NoGradGuard no_grad;
  if (average_ != nullptr) {
    load_weights(model_, strip_prefix(checkpoint.training, "live/"), "the checkpoint");
    average_->load(checkpoint.model);
  } else {
    load_weights(model_, checkpoint.model, "the checkpoint");
  }
  optimizer_.load_state(checkpoint.training, "optimizer/");
  scaler_.load_state(checkpoint.training, "scaler/");
  TensorMap carried;
  for (const auto& [name, tensor] : strip_prefix(checkpoint.training, "carried/"))
    carried.set(name, tensor.to(device_, tensor.scalar_type(), /*non_blocking=*/false, /*copy=*/true));
  model_.set_state(carried);
  const auto value = [&](const char* name) { return static_cast<int64_t>(checkpoint.values.at(name)); };
  if (value("train_samples") != train_.samples())
    throw usage_error({"data", "not the data that the run was begun with",
                       text(value("train_samples"), " training samples"), text(train_.samples()),
                       "give the same data.path, or start anew with another --run-dir"});
  step_ = saved_step_ = value("step");
  epoch_ = value("epoch");
  batch_ = value("batch");
  evaluated_step_ = value("evaluated_step");
  pieces_ = value("pieces");
  schedule_.load(checkpoint.values);
  monitor_.load(checkpoint.values);
  meter_.load(checkpoint.values);
}

TrainResult Trainer::finish() {
  settle();
  if (progress_ != nullptr) progress_->finish(progress_state());
  progress_.reset();
  TrainResult result;
  result.step = step_;
  result.interrupted = interrupted_;
  result.stopped_early = monitor_.out_of_patience();
  result.train_loss = meter_.last();
  result.best_value = monitor_.best();
  result.best_step = monitor_.best_step();
  if (!interrupted_ && saved_step_ != step_) save(false);
  // The end is looked at too, but leaves no trace in the saved state: the run can be made longer, and then
  // goes as if it had never ended here.
  if (!interrupted_ && validation_ != nullptr && evaluated_step_ != step_) {
    std::vector<Picture> pictures;
    if (const std::optional<Metrics> values = validate(0, run_ != nullptr ? &pictures : nullptr)) {
      last_evaluation_ = *values;
      const double value = monitored(*values);
      const bool best = monitor_.is_better(value);
      if (best) result.best_value = value, result.best_step = step_;
      if (run_ != nullptr) {
        run_->record(step_, epoch_ + 1, *values, {});
        if (best) run_->mark_best();
        if (best) run_->show(pictures);
        report(*values, best);
      }
    }
  }
  result.last_evaluation = last_evaluation_;
  if (run_ != nullptr) run_->end();
  return result;
}

double Trainer::try_batch() {
  model_.set_training(true);
  train_.start_epoch(0);
  const Batch batch = next_batch(0);
  seed_generators(mix_seed(seed_, 0), device_);
  model_.set_state({});
  const Loss loss = objective_.compute(forward(batch.inputs), batch.labels);
  loss.total.backward();
  optimizer_.zero_gradients();
  model_.set_state({});
  only_batch_.reset();
  return loss.total.item<float>();
}

void Trainer::check_validation() {
  if (validation_ == nullptr || config_.sanity_batches == 0) return;
  const std::optional<Metrics> values = validate(config_.sanity_batches);
  if (values) monitored(*values);
}

}  // namespace athanor
