// A trained model as a file for other programs: TorchScript (torch.jit.load, any batch size, raw features in)
// or safetensors. Both come with their facts as JSON: input names and shapes, outputs, feature names, pip.
#pragma once

#include <string>

#include "models/model.h"

namespace athanor {

struct ExportFacts {
  std::string model;        // its registered name
  std::string config_yaml;  // the job
  int64_t step = 0;
};

// Writes a module `forward(M1, M5, …) -> Dict[str, Tensor]` whose inputs are [B,…] f32 or u8 by the names of
// `spec` (those that the model reads), without carried state. It refuses wrong ranks, lengths, feature
// counts, types and unequal batch sizes. The facts are in its extra file "athanor.json" and in `path`.json.
// Before the file appears it is loaded and compared with the model at several batch sizes; throws Error where
// they differ by more than 1e-6 (of the value, above 1). Leaves the model on the CPU and in evaluation mode.
void export_torchscript(Model& model, const DataSpec& spec, const ExportFacts& facts,
                        const std::string& path);

// Writes parameters and buffers by name; the facts are its metadata "athanor" and in `path`.json.
void export_safetensors(const Model& model, const DataSpec& spec, const ExportFacts& facts,
                        const std::string& path);

}  // namespace athanor
