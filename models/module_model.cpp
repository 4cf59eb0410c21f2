// torch::nn::Module's parameters and buffers as the ordered maps that the trainer reads.
#include "models/module_model.h"

namespace athanor {
namespace {

TensorMap to_map(const torch::OrderedDict<std::string, at::Tensor>& tensors) {
  TensorMap map;
  for (const auto& item : tensors) map.set(item.key(), item.value());
  return map;
}

}  // namespace

TensorMap ModuleModel::parameters() const { return to_map(named_parameters()); }
TensorMap ModuleModel::buffers() const { return to_map(named_buffers()); }
void ModuleModel::set_training(bool training) { torch::nn::Module::train(training); }
void ModuleModel::to(at::Device device) { torch::nn::Module::to(device); }

}  // namespace athanor
