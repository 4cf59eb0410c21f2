// Checkpoints: directories that appear whole or not at all.
//   model.safetensors      parameters and buffers, by name
//   training.safetensors   optimizer, loss scaler, carried model state
//   data_spec.safetensors  what the data looked like: fitted constants, and the rest as JSON in its metadata
//   config.yaml            the job
//   state.json             step, epoch, …, and the size and CRC-32 of the files above
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "models/model.h"
#include "src/core/batch.h"

namespace athanor {

struct Checkpoint {
  // "step", "epoch", "batch", "best_value", …; integers are exact up to 2^53, infinities are left out.
  std::map<std::string, double> values;
  TensorMap model;
  TensorMap training;
  DataSpec spec;
  std::string config_yaml;
  std::string directory;  // that it was read from
};

// Writes `directory` atomically. Throws Error (disk full, …); what stood there before stays.
void write_checkpoint(const std::string& directory, const Checkpoint& checkpoint);
// Throws Error naming the first file that is missing, cut or altered.
Checkpoint read_checkpoint(const std::string& directory);
bool is_checkpoint(const std::string& directory);

// The folder checkpoints/ of a run: the last `keep_last` checkpoints and the best one, `last` and `best`
// linked.
class CheckpointFolder {
 public:
  CheckpointFolder(std::string directory, int64_t keep_last);
  // Writes step-XXXXXXXX, then moves the links, then removes what is no longer kept. Returns its path.
  std::string save(const Checkpoint& checkpoint, bool best);
  // Links `best` to the checkpoint that `last` names.
  void mark_best();
  // Paths of step-* directories, the newest first.
  std::vector<std::string> list() const;
  // The newest checkpoint that is whole, warning about each broken one passed over.
  std::optional<Checkpoint> find_newest() const;
  // "" where there is none.
  std::string best() const;
  std::string last() const;

 private:
  void prune() const;
  std::string directory_;
  int64_t keep_last_;
};

// A checkpoint directory for `path`: itself, or of a run directory the best one, else the newest whole one.
// Throws usage Error where there is none.
std::string resolve_checkpoint(const std::string& path);

// Copies weights into the model. Throws Error that lists the first missing, unexpected and mis-shaped names.
void load_weights(Model& model, const TensorMap& weights, const std::string& where);
// Parameters and buffers.
TensorMap model_weights(const Model& model);

}  // namespace athanor
