// What the trainer sees of a model: named inputs to named outputs, parameters, buffers, and carried state.
// Implementations derive from ModuleModel (models/module_model.h), which fills in all but forward.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "src/core/batch.h"
#include "src/core/component.h"

namespace torch::nn {
class Module;
}

namespace athanor {

class Model {
 public:
  virtual ~Model() = default;

  // inputs as the DataSpec names them, [B,…] each -> named outputs, [B,…] each. Differentiable, traceable
  // (every shape comes from traced operations, so that an exported module runs at any B).
  virtual TensorMap forward(const TensorMap& inputs) = 0;

  // Names are dotted paths as in torch::nn::Module::named_parameters; the order is fixed.
  virtual TensorMap parameters() const = 0;
  virtual TensorMap buffers() const = 0;
  virtual void set_training(bool training) = 0;
  virtual void to(at::Device device) = 0;
  virtual torch::nn::Module& module() = 0;

  // State carried from batch to batch (ordered batches only): set_state({}) forgets it. Detached. Empty by
  // default.
  virtual TensorMap state() const { return {}; }
  virtual void set_state(const TensorMap& /*state*/) {}
};

using ModelComponent = Component<Model, const DataSpec&>;
const std::vector<ModelComponent>& model_components();
using ModelChoice = Choice<Model, const DataSpec&>;

// A table of modules and parameter counts for people.
std::string model_summary(Model& model);
int64_t parameter_count(const Model& model);

}  // namespace athanor
