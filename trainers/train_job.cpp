// make_* one after the other, cheap checks first.
#include "trainers/train_job.h"

#include <algorithm>

#include "models/flops.h"
#include "src/core/device.h"
#include "src/core/error.h"
#include "src/core/random.h"
#include "src/core/text.h"
#include "trainers/seeding.h"

namespace athanor {
namespace {

// Counters of mix_seed that batches cannot reach.
constexpr uint64_t kInitialWeights = ~uint64_t{0};

std::unique_ptr<ChunkDataLoader> make_validation(const Dataset& dataset, JobConfig& job, at::Device device) {
  auto source = dataset.open(Split::kVal);
  if (source->size() == 0) return nullptr;
  LoaderOptions options = evaluation_options(job.dataset().loader);
  options.batch_size = std::min(options.batch_size, source->size());
  return std::make_unique<ChunkDataLoader>(std::move(source), dataset.spec(), options,
                                           static_cast<uint64_t>(job.seed), device);
}

std::string flops_text(int64_t flops) {
  auto value = static_cast<double>(flops);
  size_t unit = 0;
  const std::vector<std::string> units = {"", "K", "M", "G", "T"};
  for (; value >= 1000 && unit + 1 < units.size(); ++unit) value /= 1000;
  return decimals(value, unit == 0 ? 0 : 2) + " " + units[unit] + "FLOP";
}

std::string schedule_text(const JobConfig& job, const Trainer& trainer) {
  const int64_t last = std::max<int64_t>(0, trainer.total_steps() - 1);
  std::string line = text(job.schedule.name, ", peak lr ", shortest(job.optimizer.lr));
  for (const int64_t step : {int64_t{0}, last / 2, last})
    line +=
        text(step == 0 ? "; " : ", ", "step ", step + 1, ": ", decimals(trainer.schedule().rate(step), 6));
  return line;
}

}  // namespace

LoaderOptions evaluation_options(const LoaderOptions& training) {
  LoaderOptions options = training;
  if (options.order != "streams") options.order = "sequential";
  options.drop_last = false;
  return options;
}

TrainJob::TrainJob(JobConfig job, at::Device device) : job_(std::move(job)), device_(device) {
  parse_precision(job_.trainer.precision, device_);
  const auto seed = static_cast<uint64_t>(job_.seed);
  dataset_ = job_.data.make();
  const DataSpec& spec = dataset_->spec();
  augmentation_ = job_.augment.make(spec);
  objective_ = job_.objective.make(spec);
  check_labels(*objective_, spec, job_.objective.name());
  evaluator_ = job_.evaluator.make(spec);
  seed_generators(mix_seed(seed, kInitialWeights), device_);
  model_ = job_.model.make(spec);
  model_->to(device_);
  check_outputs(*objective_, *model_, spec, job_.objective.name());
  train_ = std::make_unique<ChunkDataLoader>(dataset_->open(Split::kTrain), spec, job_.dataset().loader, seed,
                                             device_);
  if (!job_.trainer.overfit_one_batch) validation_ = make_validation(*dataset_, job_, device_);
  trainer_ = std::make_unique<Trainer>(
      job_.trainer, job_.optimizer, job_.schedule, seed, device_,
      TrainerParts{*model_, *objective_, *train_, validation_.get(), evaluator_.get(), augmentation_.get()});
}

std::string TrainJob::plan() {
  const TrainerConfig& trainer = job_.trainer;
  const int64_t batch = job_.dataset().loader.batch_size;
  std::string plan = model_summary(*model_);
  if (!plan.ends_with('\n')) plan += "\n";
  plan += text("compute         ", flops_text(forward_flops(*model_, dataset_->spec())),
               " a sample forward (matrix products, LSTMs, convolutions, attention); in training about three "
               "times that\n");
  plan += "\n" + dataset_->describe();
  if (!plan.ends_with('\n')) plan += "\n";
  plan += text("  train loader  ", train_->describe(), "\n");
  if (validation_ != nullptr) plan += text("  val loader    ", validation_->describe(), "\n");
  if (augmentation_ != nullptr)
    plan += text("augmentation    ",
                 trainer.overfit_one_batch ? "off: one batch alone" : augmentation_->describe(0), "\n");
  plan += text("objective       ", job_.objective.name(), "\n");
  plan += text("batches         ", batch, " samples",
               trainer.accumulate_steps > 1 ? text(" x ", trainer.accumulate_steps, " accumulated") : "",
               ", ", train_->batches_per_epoch(), " an epoch\n");
  plan +=
      text("steps           ", trainer_->total_steps(), " (", trainer_->steps_per_epoch(), " an epoch)\n");
  plan += text("optimizer       ", job_.optimizer.name, ", weight decay ",
               shortest(job_.optimizer.weight_decay), ", clip norm ", shortest(trainer.clip_norm), "\n");
  plan += text("learning rate   ", schedule_text(job_, *trainer_), "\n");
  plan += text("precision       ", trainer.precision, "\n");
  plan += text("device          ", device_text(device_), "\n");
  return plan;
}

}  // namespace athanor
