// Base of the models that are torch::nn::Modules: fills in all of Model but forward and carried state.
// For models' own .cpp files only: it brings in torch's module header, which is slow to compile.
#pragma once

#include <torch/nn/module.h>

#include "models/model.h"

namespace athanor {

class ModuleModel : public torch::nn::Module, public Model {
 public:
  TensorMap parameters() const override;
  TensorMap buffers() const override;
  void set_training(bool training) override;
  using torch::nn::Module::to;
  void to(at::Device device) override;
  torch::nn::Module& module() override { return *this; }
};

}  // namespace athanor
