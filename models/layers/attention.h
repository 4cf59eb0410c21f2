// Multi-head attention with the parameter names and layout of torch.nn.MultiheadAttention, and what is built
// on it: pooling by a learned query, and the post-norm encoder layer of Vaswani et al. 2017
// (torch.nn.TransformerEncoderLayer with ReLU). Left out: masks, dropout of the attention weights.
#pragma once

#include <torch/nn/module.h>
#include <torch/nn/modules/dropout.h>
#include <torch/nn/modules/linear.h>
#include <torch/nn/modules/normalization.h>

#include <memory>

namespace athanor {

class MultiHeadAttention : public torch::nn::Module {
 public:
  // `heads` divides `width`.
  MultiHeadAttention(int64_t width, int64_t heads);
  // query [B,Q,D] or [1,Q,D], keys [B,K,D] -> [B,Q,D]
  at::Tensor forward(const at::Tensor& query, const at::Tensor& keys);

 private:
  int64_t heads_;
  at::Tensor in_proj_weight_;  // [3D,D]
  at::Tensor in_proj_bias_;    // [3D]
  torch::nn::Linear out_proj_;
};

class AttentionPooling : public torch::nn::Module {
 public:
  AttentionPooling(int64_t width, int64_t heads);
  // x [B,T,D] -> [B,D]
  at::Tensor forward(const at::Tensor& x);

 private:
  at::Tensor query_;  // [1,1,D]
  std::shared_ptr<MultiHeadAttention> attention_;
};

class EncoderLayer : public torch::nn::Module {
 public:
  EncoderLayer(int64_t width, int64_t heads, int64_t inner, double dropout);
  // x [B,K,D] -> [B,K,D]
  at::Tensor forward(const at::Tensor& x);

 private:
  std::shared_ptr<MultiHeadAttention> self_attn_;
  torch::nn::Linear linear1_, linear2_;
  torch::nn::LayerNorm norm1_, norm2_;
  torch::nn::Dropout dropout_;
};

}  // namespace athanor
