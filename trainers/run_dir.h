// A run's directory: config.yaml (resolved), environment.json, metrics.jsonl and .csv, tensorboard/, log.txt,
// checkpoints/, and the pictures/ of the best evaluation. What a run measures goes through record(): the
// clock's values are kept apart under "wall", so that the rest of metrics.jsonl is the same whether a run was
// killed and resumed or not.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "src/core/json_lines.h"
#include "src/core/tensorboard.h"
#include "trainers/checkpoint.h"
#include "trainers/evaluator.h"

namespace athanor {

using Metrics = std::vector<std::pair<std::string, double>>;

class RunDir {
 public:
  // Writes nothing yet. Throws usage Error where `path` holds anything and `resume` is false.
  RunDir(std::string path, bool resume, std::string config_yaml, DataSpec spec, int64_t keep_last);

  const std::string& path() const { return path_; }
  // The checkpoint to go on from; nothing where there is none yet.
  std::optional<Checkpoint> find_checkpoint() const { return checkpoints_.find_newest(); }

  // Makes folder and files. Of an earlier run, metrics up to `resumed` stay; nullptr: none do.
  void begin(at::Device device, const Checkpoint* resumed);
  // One line of metrics and as many TensorBoard events. `epoch` from 1.
  void record(int64_t step, int64_t epoch, const Metrics& values, const Metrics& wall);
  // Writes pictures/NAME.png, over those of an earlier evaluation.
  void show(const std::vector<Picture>& pictures);
  // Adds config, data spec and the place in the metrics to the checkpoint, and writes it. Returns its path.
  std::string save(Checkpoint checkpoint, bool best);
  // The checkpoint saved last is the best after all.
  void mark_best() { checkpoints_.mark_best(); }
  // Writes metrics.csv.
  void end();

 private:
  std::string path_;
  std::string config_yaml_;
  DataSpec spec_;
  CheckpointFolder checkpoints_;
  std::unique_ptr<JsonLines> metrics_;
  std::unique_ptr<TensorBoardWriter> tensorboard_;
};

// Writes FOLDER/NAME.png for each, and makes the folder. Throws Error.
void save_pictures(const std::string& folder, const std::vector<Picture>& pictures);
// Throws usage Error with a hint where `path` exists and is not an empty directory.
void check_new_run_dir(const std::string& path);
// "runs/<config's file name>-20260131-235959".
std::string default_run_dir(const std::string& config_path);

}  // namespace athanor
