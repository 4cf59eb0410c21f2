// A small perceptron: its inputs flattened and put side by side, hidden layers with ReLU, one linear layer a
// named output. For tests and for measuring what the framework itself costs (32-64-64-1).
#include <ATen/ops/cat.h>
#include <torch/nn/modules/linear.h>

#include "models/input_spec.h"
#include "models/layers/dense_stack.h"
#include "models/layers/scaler.h"
#include "models/module_model.h"
#include "src/core/error.h"
#include "src/core/text.h"

namespace athanor {
namespace {

struct MlpConfig : ConfigStruct {
  std::vector<std::string> inputs;
  std::vector<int64_t> hidden = {64, 64};
  IntMap outputs = {{"direction", 3}, {"magnitude", 1}};
  void list_fields(Fields& fields) override {
    fields.field("inputs", inputs, "names of the inputs to use, in order; empty: all that the data gives");
    fields.field("hidden", hidden, "widths of the hidden layers", kPositive);
    fields.field("outputs", outputs, "output names and widths; width 1 gives [B], others [B,width]",
                 kPositive);
  }
};

int64_t flat_size(const TensorSpec& input) {
  int64_t size = 1;
  for (const int64_t length : input.shape) size *= length;
  return size;
}

class Mlp : public ModuleModel {
 public:
  Mlp(const MlpConfig& config, const DataSpec& spec) {
    int64_t width = 0;
    for (const TensorSpec& input : pick_inputs(spec, config.inputs, 0, "mlp")) {
      width += flat_size(input);
      names_.push_back(input.name);
      scalers_.push_back(register_module("scaler_" + input.name, make_scaler(spec, input.name)));
    }
    for (size_t i = 0; i < config.hidden.size(); ++i) {
      const auto layer = register_module(text("hidden_", i), torch::nn::Linear(width, config.hidden[i]));
      hidden_.push_back(layer->weight);
      hidden_.push_back(layer->bias);
      width = config.hidden[i];
    }
    for (const auto& [name, size] : config.outputs) {
      outputs_.emplace_back(name, register_module("head_" + name, torch::nn::Linear(width, size)));
      stack_ = hidden_;
      stack_.push_back(outputs_.back().second->weight);
      stack_.push_back(outputs_.back().second->bias);
    }
  }

  // inputs [B,…] f32 -> each configured output, [B] or [B,width] f32.
  TensorMap forward(const TensorMap& inputs) override {
    std::vector<at::Tensor> flat;
    for (size_t i = 0; i < names_.size(); ++i)
      flat.push_back(scalers_[i]->forward(inputs.at(names_[i])).flatten(1));
    const at::Tensor x = flat.size() == 1 ? flat[0] : at::cat(flat, 1);
    if (outputs_.size() == 1)
      return {{outputs_[0].first, shaped(dense_stack(x, stack_, /*relu_last=*/false))}};
    const at::Tensor hidden = dense_stack(x, hidden_, /*relu_last=*/true);
    TensorMap outputs;
    for (auto& [name, head] : outputs_) outputs.set(name, shaped(head->forward(hidden)));
    return outputs;
  }

 private:
  // [B,1] -> [B]
  static at::Tensor shaped(const at::Tensor& y) { return y.size(1) == 1 ? y.squeeze(1) : y; }

  std::vector<std::string> names_;
  std::vector<std::shared_ptr<Scaler>> scalers_;
  std::vector<at::Tensor> hidden_;  // weight and bias in turn
  std::vector<at::Tensor> stack_;   // the same and those of the last head
  std::vector<std::pair<std::string, torch::nn::Linear>> outputs_;
};

}  // namespace

ModelComponent make_mlp() {
  return component<MlpConfig, Model, const DataSpec&>(
      "mlp", "a small perceptron over the flattened inputs",
      [](const MlpConfig& config, const DataSpec& spec) -> std::unique_ptr<Model> {
        return std::make_unique<Mlp>(config, spec);
      });
}

}  // namespace athanor
