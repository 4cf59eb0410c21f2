// Parallel lists of tensors for at::_fused_*_. The step counter advances before the kernel and is taken back
// where found_inf said that the kernel did nothing, all without asking the device.
#include "trainers/optimizer.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/_foreach_mul.h>
#include <ATen/ops/_foreach_norm.h>
#include <ATen/ops/_fused_adam.h>
#include <ATen/ops/_fused_adamw.h>
#include <ATen/ops/_fused_sgd.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include "src/core/error.h"
#include "src/core/text.h"
#include "src/ops/adam_step.h"

namespace athanor {
namespace {

// Up to so many numbers, adam_step on one thread is faster than the fused kernels, a parallel region a
// tensor.
constexpr int64_t kSmall = 1 << 16;

void copy_state(const at::Tensor& target, const TensorMap& state, const std::string& name) {
  const at::Tensor* saved = state.find(name);
  if (saved == nullptr)
    throw Error({name, "missing in the checkpoint's optimizer state", "", "",
                 "the optimizer or the model changed: train anew"});
  if (saved->sizes() != target.sizes())
    throw Error({name, "the checkpoint's optimizer state has another shape", shape_text(target.sizes().vec()),
                 shape_text(saved->sizes().vec())});
  target.copy_(*saved);
}

// Whether all parameters are dense fp32 numbers on the CPU, and few.
bool is_small(const TensorMap& parameters) {
  int64_t numbers = 0;
  for (const auto& [name, parameter] : parameters) {
    if (!parameter.is_cpu() || parameter.scalar_type() != at::kFloat || !parameter.is_contiguous())
      return false;
    numbers += parameter.numel();
  }
  return numbers <= kSmall;
}

}  // namespace

void OptimizerConfig::list_fields(Fields& fields) {
  fields.field("name", name, "update rule", one_of({"adamw", "adam", "sgd"}));
  fields.field("lr", lr, "peak learning rate, per step", kPositive);
  fields.field("weight_decay", weight_decay, "adamw: decoupled; adam, sgd: added to the gradient (L2)",
               kNonNegative);
  fields.field("no_decay_1d", no_decay_1d, "no weight decay on biases and norms (tensors of one dimension)");
  fields.field("beta1", beta1, "adam, adamw: decay of the gradient's mean", kDropout);
  fields.field("beta2", beta2, "adam, adamw: decay of the gradient's square", kDropout);
  fields.field("eps", eps, "adam, adamw: added to the denominator", kNonNegative);
  fields.field("momentum", momentum, "sgd: decay of the velocity; 0: none", kDropout);
  fields.field("nesterov", nesterov, "sgd: look ahead along the velocity (needs momentum)");
}

Optimizer::Optimizer(const OptimizerConfig& config, const TensorMap& parameters) : config_(config) {
  if (config.name == "sgd" && config.nesterov && config.momentum == 0)
    throw usage_error({"optimizer.nesterov", "needs a momentum", "optimizer.momentum > 0", "0"});
  groups_.resize(config.no_decay_1d ? 2 : 1);
  groups_[0].weight_decay = config.weight_decay;
  for (const auto& [name, parameter] : parameters) {
    if (!parameter.requires_grad()) continue;
    Group& group = config.no_decay_1d && parameter.dim() < 2 ? groups_[1] : groups_[0];
    group.names.push_back(name);
    group.parameters.push_back(parameter);
    const at::Tensor values = parameter.detach();
    if (config.name != "sgd" || config.momentum > 0) group.first.push_back(at::zeros_like(values));
    if (config.name != "sgd") group.second.push_back(at::zeros_like(values));
    if (!step_.defined()) step_ = at::zeros({}, values.options().dtype(at::kFloat));
  }
  if (!step_.defined()) throw Error({"model", "nothing to train: no parameter wants a gradient"});
  small_adam_ = config.name != "sgd" && is_small(parameters);
}

const std::vector<at::Tensor>& Optimizer::gradients() {
  gradients_.clear();
  for (const Group& group : groups_)
    for (const at::Tensor& parameter : group.parameters)
      if (parameter.grad().defined()) gradients_.push_back(parameter.grad());
  return gradients_;
}

std::vector<std::string> Optimizer::gradient_names() const {
  std::vector<std::string> names;
  for (const Group& group : groups_)
    for (size_t i = 0; i < group.names.size(); ++i)
      if (group.parameters[i].grad().defined()) names.push_back(group.names[i]);
  return names;
}

void Optimizer::zero_gradients() {
  gradients_.clear();
  for (Group& group : groups_)
    for (at::Tensor& parameter : group.parameters) parameter.mutable_grad().reset();
}

void Optimizer::step(double lr, const at::Tensor& found_inf) {
  const at::NoGradGuard no_grad;
  if (small_adam_ && found_inf.defined() && found_inf.item<float>() != 0) return;
  step_.add_(1);
  if (small_adam_) {
    for (const Group& group : groups_) step_small(group, lr);
    return;
  }
  for (const Group& group : groups_) step_group(group, lr, found_inf);
  if (found_inf.defined()) step_.sub_(found_inf);
}

void Optimizer::step_small(const Group& group, double lr) const {
  std::vector<AdamTensor> tensors;
  std::vector<at::Tensor> gradients;  // kept alive
  for (size_t i = 0; i < group.parameters.size(); ++i) {
    const at::Tensor& parameter = group.parameters[i];
    if (!parameter.grad().defined()) continue;
    gradients.push_back(parameter.grad().contiguous());
    tensors.push_back({parameter.mutable_data_ptr<float>(), gradients.back().const_data_ptr<float>(),
                       group.first[i].mutable_data_ptr<float>(), group.second[i].mutable_data_ptr<float>(),
                       parameter.numel()});
  }
  adam_step(tensors, {.lr = lr,
                      .beta1 = config_.beta1,
                      .beta2 = config_.beta2,
                      .eps = config_.eps,
                      .weight_decay = group.weight_decay,
                      .decoupled = config_.name == "adamw",
                      .step = step_.item<float>()});
}

void Optimizer::step_group(const Group& group, double lr, const at::Tensor& found_inf) {
  std::vector<at::Tensor> parameters, gradients, first, second;
  for (size_t i = 0; i < group.parameters.size(); ++i) {
    const at::Tensor& gradient = group.parameters[i].grad();
    if (!gradient.defined()) continue;
    parameters.push_back(group.parameters[i]);
    gradients.push_back(gradient);
    if (!group.first.empty()) first.push_back(group.first[i]);
    if (!group.second.empty()) second.push_back(group.second[i]);
  }
  if (parameters.empty()) return;
  const std::vector<at::Tensor> steps(parameters.size(), step_);
  const auto found = found_inf.defined() ? std::optional<at::Tensor>(found_inf) : std::nullopt;
  const OptimizerConfig& c = config_;
  if (c.name == "adamw") {
    at::_fused_adamw_(parameters, gradients, first, second, {}, steps, lr, c.beta1, c.beta2,
                      group.weight_decay, c.eps, /*amsgrad=*/false, /*maximize=*/false, /*grad_scale=*/{},
                      found);
  } else if (c.name == "adam") {
    at::_fused_adam_(parameters, gradients, first, second, {}, steps, lr, c.beta1, c.beta2,
                     group.weight_decay, c.eps, /*amsgrad=*/false, /*maximize=*/false, /*grad_scale=*/{},
                     found);
  } else {
    // A velocity of zeros gives what torch's first step gives (velocity = gradient, without dampening).
    at::_fused_sgd_(parameters, gradients, first, group.weight_decay, c.momentum, lr, /*dampening=*/0,
                    c.nesterov,
                    /*maximize=*/false, /*is_first_step=*/false, /*grad_scale=*/{}, found);
  }
}

TensorMap Optimizer::state() const {
  TensorMap state{{"step", step_}};
  const bool sgd = config_.name == "sgd";
  for (const Group& group : groups_)
    for (size_t i = 0; i < group.first.size(); ++i) {
      state.set((sgd ? "momentum/" : "exp_avg/") + group.names[i], group.first[i]);
      if (!sgd) state.set("exp_avg_sq/" + group.names[i], group.second[i]);
    }
  return state;
}

void Optimizer::load_state(const TensorMap& saved, const std::string& prefix) {
  for (const auto& [name, tensor] : state()) copy_state(tensor, saved, prefix + name);
}

at::Tensor clip_gradients(const std::vector<at::Tensor>& gradients, double max_norm) {
  constexpr double kTiny = 1e-6;
  at::Tensor norm = at::linalg_vector_norm(at::stack(at::_foreach_norm(gradients, 2)), 2);
  at::_foreach_mul_(gradients, norm.add(kTiny).reciprocal_().mul_(max_norm).clamp_max_(1));
  return norm;
}

}  // namespace athanor
