// A job put together: data, model, loss and loaders made from its config, checked against each other, around
// a trainer.
#pragma once

#include <memory>
#include <string>

#include "trainers/job.h"
#include "trainers/trainer.h"

namespace athanor {

class TrainJob {
 public:
  // Opens the data and makes the model with weights from the job's seed. Throws Error; writes nothing.
  TrainJob(JobConfig job, at::Device device);

  JobConfig& config() { return job_; }
  at::Device device() const { return device_; }
  const DataSpec& spec() const { return dataset_->spec(); }
  Model& model() { return *model_; }
  Trainer& trainer() { return *trainer_; }
  // What would happen, for people: data, model, steps, schedule, precision, device.
  std::string plan();

 private:
  JobConfig job_;
  at::Device device_;
  std::unique_ptr<Dataset> dataset_;
  std::unique_ptr<Augmentation> augmentation_;
  std::unique_ptr<Objective> objective_;
  std::unique_ptr<Evaluator> evaluator_;
  std::unique_ptr<Model> model_;
  std::unique_ptr<ChunkDataLoader> train_;
  std::unique_ptr<ChunkDataLoader> validation_;
  std::unique_ptr<Trainer> trainer_;
};

// How a split is read for evaluation: all of it, in order; ordered streams stay streams, so that state
// carries.
LoaderOptions evaluation_options(const LoaderOptions& training);

}  // namespace athanor
