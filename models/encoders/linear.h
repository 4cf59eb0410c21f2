// A linear layer whose weights come from a file, with the activation behind it in one pass where oneDNN can:
// pack() lays the weights out for its kernels once, instead of at each call. For inference; a layer that is
// not packed is differentiable.
#pragma once

#include <torch/nn/module.h>

#include <string>

namespace athanor {

enum class Activation { kNone, kGelu, kGeluTanh, kQuickGelu, kRelu, kSilu };

// By the names of transformers' configs ("gelu", "gelu_pytorch_tanh", "quick_gelu", …). False: not known.
bool find_activation(const std::string& name, Activation& activation);
// `x`, activated.
at::Tensor activated(const at::Tensor& x, Activation activation);

class Linear : public torch::nn::Module {
 public:
  // weight [out,in], bias [out] or undefined
  Linear(const at::Tensor& weight, const at::Tensor& bias);
  // x [...,in] -> [...,out]
  at::Tensor forward(const at::Tensor& x, Activation activation = Activation::kNone) const;
  // For a CPU, with the type that the weights have now (f32 or bf16). Undone by training or moving them.
  void pack();
  int64_t outputs() const { return weight_.size(0); }
  const at::Tensor& weight() const { return weight_; }
  const at::Tensor& bias() const { return bias_; }

 private:
  at::Tensor weight_, bias_;
  at::Tensor packed_;
};

}  // namespace athanor
