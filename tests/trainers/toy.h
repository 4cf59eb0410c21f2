// What the trainer's tests share: a small data set in memory whose labels follow from its inputs, and a
// trainer put together around it.
#pragma once

#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "trainers/trainer.h"

namespace athanor {

struct ToyOptions {
  int64_t train_samples = 150;
  int64_t val_samples = 40;
  int64_t seed = 1;
  int64_t bad_sample = -1;  // this training sample's input holds a NaN
  std::string model = "mlp";
  std::vector<std::string> model_settings;  // "hidden=[8]"
  std::string objective = "direction_magnitude";
  bool augment = false;  // with ToyAugmentation
  LoaderOptions loader;
  TrainerConfig trainer;
  OptimizerConfig optimizer;
  ScheduleConfig schedule;

  ToyOptions();
};

// Inputs "M1" [6,3], "M5" [4,3] f32; labels direction i64, magnitude f32; time.
DataSpec toy_spec();
std::unique_ptr<SampleSource> toy_source(int64_t samples, uint64_t seed, int64_t bad_sample = -1);

// Adds noise to the inputs, drawn from (seed, epoch, sample), and kAugmented to the magnitudes, which shows
// it.
constexpr float kAugmented = 1000;
class ToyAugmentation : public Augmentation {
 public:
  Batch apply(const Batch& batch, uint64_t seed, int64_t epoch) const override;
  std::string describe(int64_t) const override { return "noise"; }
};

struct ToyParts {
  std::unique_ptr<Model> model;
  std::unique_ptr<Objective> objective;
  std::unique_ptr<ChunkDataLoader> train, validation;
  std::unique_ptr<Augmentation> augmentation;
};

class Toy {
 public:
  // `objective` in place of the one that the options name, where given.
  explicit Toy(const ToyOptions& options, std::unique_ptr<Objective> objective = nullptr);
  Model& model() { return *parts_.model; }
  const Objective& objective() { return *parts_.objective; }
  ChunkDataLoader& train_batches() { return *parts_.train; }
  Trainer& trainer() { return *trainer_; }
  // Trains into `path`; with `resume` goes on from its newest checkpoint.
  TrainResult run(const std::string& path, bool resume = false);
  TrainResult run() { return trainer_->run(nullptr); }

 private:
  ToyOptions options_;
  ToyParts parts_;
  std::unique_ptr<Trainer> trainer_;
};

// The registered models that can be made for toy_spec(); the others want images (tests/models).
std::vector<std::string> toy_models();
std::unique_ptr<Model> make_toy_model(const ToyOptions& options);
std::unique_ptr<Objective> make_toy_objective(const std::string& name,
                                              const std::vector<std::string>& settings = {});

// An objective that does something before each loss of another.
class WatchedObjective : public Objective {
 public:
  WatchedObjective(std::unique_ptr<Objective> inner, std::function<void(const TensorMap& outputs)> before)
      : inner_(std::move(inner)), before_(std::move(before)) {}
  Loss compute(const TensorMap& outputs, const TensorMap& labels) const override {
    before_(outputs);
    return inner_->compute(outputs, labels);
  }
  std::vector<std::string> needed_outputs() const override { return inner_->needed_outputs(); }
  std::vector<std::string> needed_labels() const override { return inner_->needed_labels(); }

 private:
  std::unique_ptr<Objective> inner_;
  std::function<void(const TensorMap&)> before_;
};

// A new empty directory, removed with everything in it at the end.
class Scratch {
 public:
  Scratch();
  ~Scratch();
  std::string path(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

// Names and bits of two maps are the same.
bool same_bits(const TensorMap& a, const TensorMap& b);

}  // namespace athanor
