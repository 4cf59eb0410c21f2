// Networks as TorchScript, by tracing: what the exports of models and of encoders have in common. A trace
// must hold for every batch: it is made at two of other sizes, whose graphs must agree (a size baked into an
// LSTM's graph corrupts the heap at another). Left out: quantised and frozen modules, autocast.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "src/core/batch.h"

namespace torch::nn {
class Module;
}

namespace athanor {

using Names = std::vector<std::string>;

struct TraceJob {
  const torch::nn::Module* network;  // owns the parameters and buffers that forward uses; on the CPU
  std::function<TensorMap(const TensorMap&)> forward;
  // Random inputs, of a batch size; what else may vary varies with it.
  std::function<TensorMap(int64_t batch)> inputs;
  // Lines of TorchScript that refuse wrong ones of these inputs.
  std::function<std::string(const Names& inputs)> checks;
  std::function<std::string(const Names& inputs, const Names& outputs)> facts;  // JSON
  std::vector<int64_t> batches;  // sizes at which the file is compared with forward
  double tolerance = 1e-6;       // of the value, above 1
};

// Writes a module `forward(inputs…) -> Dict[str, Tensor]` that takes those inputs, and has those children of
// `network`, that forward uses; `facts` are in its extra file "athanor.json" and in `path`.json. Before the
// file appears it is loaded and compared. Throws Error: the graphs or the outputs differ, an input's name is
// no name there, the disk is full.
void export_traced(const TraceJob& job, const std::string& path);

// A line of TorchScript: assert `condition`, "input 'NAME': expected `expected`, got SIZES".
std::string shape_check(const std::string& name, const std::string& condition, const std::string& expected);
// … that its type is `dtype`.
std::string type_check(const std::string& name, at::ScalarType dtype);

}  // namespace athanor
