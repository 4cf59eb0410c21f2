// What a model said of a split, as HDF5: time [N] i64, outputs/* [N,…] f32, labels/* [N,…] f32 or i64 and, if
// asked for, inputs/* [N,…] f32 as the model got them; written batch by batch, so that inputs need no memory.
#pragma once

#include <memory>
#include <string>

#include "src/core/batch.h"

namespace athanor {

class PredictionsFile {
 public:
  // The file appears under `path` at commit(), whole or not at all. Throws Error.
  PredictionsFile(const std::string& path, int64_t samples, bool with_inputs);
  ~PredictionsFile();
  PredictionsFile(const PredictionsFile&) = delete;
  PredictionsFile& operator=(const PredictionsFile&) = delete;

  // The next rows. Throws Error (disk full, …).
  void add(const Batch& batch, const TensorMap& outputs);
  void commit();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace athanor
