#include "trainers/weight_average.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/_foreach_copy.h>
#include <ATen/ops/_foreach_lerp.h>

#include <algorithm>

#include "trainers/checkpoint.h"

namespace athanor {

WeightAverage::WeightAverage(Model& model, double decay) : decay_(decay), live_(model_weights(model)) {
  const at::NoGradGuard no_grad;
  for (const auto& [name, tensor] : live_) {
    average_.set(name, tensor.detach().clone());
    const bool floating = tensor.is_floating_point();
    (floating ? floating_live_ : other_live_).push_back(tensor);
    (floating ? floating_average_ : other_average_).push_back(average_.at(name));
  }
}

void WeightAverage::add(int64_t step) {
  const at::NoGradGuard no_grad;
  const auto updates = static_cast<double>(step);
  const double decay = std::min(decay_, (1 + updates) / (10 + updates));
  at::_foreach_lerp_(floating_average_, floating_live_, 1 - decay);
  if (!other_live_.empty()) at::_foreach_copy_(other_average_, other_live_);
}

void WeightAverage::load(const TensorMap& weights) {
  const at::NoGradGuard no_grad;
  for (auto& [name, tensor] : average_) tensor.copy_(weights.at(name));
}

// In place, so that whoever holds the model's tensors (the optimizer) still holds them.
void WeightAverage::exchange() {
  const at::NoGradGuard no_grad;
  for (auto& [name, tensor] : live_) {
    const at::Tensor kept = tensor.detach().clone();
    tensor.copy_(average_.at(name));
    average_.at(name).copy_(kept);
  }
}

WeightAverage::Scope::Scope(WeightAverage* average) : average_(average) {
  if (average_ != nullptr) average_->exchange();
}

WeightAverage::Scope::~Scope() {
  if (average_ != nullptr) average_->exchange();
}

}  // namespace athanor
