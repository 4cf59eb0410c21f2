// A linear layer whose weights come from a file, with the activation behind it in one pass: pack() lays the
// weights out once, instead of at each call, for this project's kernels (src/ops/packed_product.h) where the
// CPU has AMX, else for oneDNN's. For inference; a layer that is not packed is differentiable.
#pragma once

#include <torch/nn/module.h>

#include <memory>
#include <string>

#include "src/ops/activation.h"
#include "src/ops/packed_product.h"

namespace athanor {

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
  // For inference on a CPU from now on; x stays f32 whatever the precision of the products. Not on tiles
  // int8 products are ATen's (the same numbers), others oneDNN's in the weight's own type.
  void pack(ProductPrecision precision, bool on_tiles = can_multiply_packed());
  // The precision of its products where packed weights multiply x; null where ATen does.
  const ProductPrecision* packed_for(const at::Tensor& x) const;
  int64_t weight_bytes() const;  // as it is multiplied
  int64_t outputs() const { return weight_.size(0); }
  const at::Tensor& weight() const { return weight_; }
  const at::Tensor& bias() const { return bias_; }

 private:
  at::Tensor weight_, bias_;
  std::shared_ptr<const PackedWeight> packed_;
  ProductPrecision precision_ = ProductPrecision::kFp32;
  at::Tensor reordered_;         // for oneDNN
  at::Tensor integers_, steps_;  // [out,in] i8, [out] f32
};

// pack() of every linear layer of a module.
void pack_linears(torch::nn::Module& module, ProductPrecision precision = ProductPrecision::kFp32);

}  // namespace athanor
