// AdamW, Adam and SGD by LibTorch's fused kernels (few numbers on the CPU: by src/ops/adam_step.h), equal to
// torch::optim's. One step counter for all parameters; no amsgrad, no parameter groups but the one without
// weight decay.
#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

#include "src/core/batch.h"
#include "src/core/fields.h"

namespace athanor {

struct OptimizerConfig {
  std::string name = "adamw";
  double lr = 1e-3;
  double weight_decay = 0.01;
  bool no_decay_1d = false;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double eps = 1e-8;
  double momentum = 0.9;
  bool nesterov = false;
  void list_fields(Fields& fields);
};

class Optimizer {
 public:
  Optimizer(const OptimizerConfig& config, const TensorMap& parameters);

  // One update with learning rate `lr`. Where `found_inf` [] f32 is defined and 1, nothing changes.
  void step(double lr, const at::Tensor& found_inf = {});
  // Frees the gradients: the next backward stores them without adding.
  void zero_gradients();
  // In the order of the parameters; those without a gradient are left out.
  const std::vector<at::Tensor>& gradients();
  std::vector<std::string> gradient_names() const;

  // "step" [] f32, "exp_avg/<parameter>", "exp_avg_sq/<parameter>", or "momentum/<parameter>".
  TensorMap state() const;
  // Copies from `state`, whose names begin with `prefix`. Throws Error for missing or mis-shaped ones.
  void load_state(const TensorMap& state, const std::string& prefix);

 private:
  // Parameters that share a weight decay, and their state: parallel lists, as the kernels want them.
  struct Group {
    double weight_decay = 0;
    std::vector<std::string> names;
    std::vector<at::Tensor> parameters, first, second;
  };
  void step_group(const Group& group, double lr, const at::Tensor& found_inf);
  void step_small(const Group& group, double lr) const;

  OptimizerConfig config_;
  std::vector<Group> groups_;
  at::Tensor step_;
  bool small_adam_ = false;
  std::vector<at::Tensor> gradients_;
};

// Scales gradients in place so that the norm of all together is at most `max_norm`; returns the norm before,
// [] f32.
at::Tensor clip_gradients(const std::vector<at::Tensor>& gradients, double max_norm);

}  // namespace athanor
