// A job: everything that one YAML file says, and a trained model opened again from its checkpoint.
#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "data/augment/augmentation.h"
#include "data/bars/prepare.h"
#include "data/dataset.h"
#include "models/model.h"
#include "trainers/evaluator.h"
#include "trainers/objective.h"
#include "trainers/optimizer.h"
#include "trainers/schedule.h"
#include "trainers/trainer_config.h"

namespace athanor {

struct JobConfig {
  int64_t seed = 1;
  std::string device = "auto";
  DatasetChoice data;
  AugmentationChoice augment;
  ModelChoice model;
  ObjectiveChoice objective;
  EvaluatorChoice evaluator;
  TrainerConfig trainer;
  OptimizerConfig optimizer;
  ScheduleConfig schedule;
  PrepareConfig prepare;  // of `athanor prepare`; training does not read it

  JobConfig();
  void list_fields(Fields& fields);
  DatasetConfig& dataset() { return static_cast<DatasetConfig&>(data.config()); }
};

// Throws usage Error (file, line, suggestion).
JobConfig load_job(const std::string& path, const std::vector<std::string>& overrides);

// "optimizer.lr: 0.001 -> 0.002" for each key that differs, but those that do not change what is learned
// (where the data lies, threads, the run's length, logging).
std::vector<std::string> differing_keys(JobConfig& before, JobConfig& after);

// Throws usage Error where the objective wants labels that the data does not have.
void check_labels(const Objective& objective, const DataSpec& spec, const std::string& objective_name);

// Tries the model on one sample of zeros. Throws usage Error where the objective wants outputs that it does
// not give.
void check_outputs(const Objective& objective, Model& model, const DataSpec& spec,
                   const std::string& objective_name);

struct LoadedModel {
  JobConfig job;
  DataSpec spec;
  std::unique_ptr<Model> model;
  std::string checkpoint;  // its directory
  int64_t step = 0;
};

// The model of a checkpoint or run directory (resolve_checkpoint), in evaluation mode on `device`; needs no
// data file. Overrides apply to the checkpoint's config. Throws Error.
LoadedModel load_checkpoint_model(const std::string& path, const std::vector<std::string>& overrides,
                                  at::Device device);

}  // namespace athanor
