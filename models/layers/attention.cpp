// Attention through scaled_dot_product_attention; every shape comes from traced operations.
#include "models/layers/attention.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/relu.h>
#include <ATen/ops/scaled_dot_product_attention.h>
#include <ATen/ops/zeros.h>
#include <torch/nn/init.h>

namespace athanor {
namespace {

// [B,N,D] -> [B,H,N,D/H]
at::Tensor split_heads(const at::Tensor& x, int64_t heads) {
  return x.unflatten(-1, {heads, -1}).transpose(1, 2);
}

}  // namespace

MultiHeadAttention::MultiHeadAttention(int64_t width, int64_t heads)
    : heads_(heads), out_proj_(width, width) {
  in_proj_weight_ = register_parameter("in_proj_weight", at::empty({3 * width, width}));
  in_proj_bias_ = register_parameter("in_proj_bias", at::zeros({3 * width}));
  register_module("out_proj", out_proj_);
  torch::nn::init::xavier_uniform_(in_proj_weight_);
  torch::nn::init::zeros_(out_proj_->bias);
}

at::Tensor MultiHeadAttention::forward(const at::Tensor& query, const at::Tensor& keys) {
  const auto weights = in_proj_weight_.chunk(3);
  const auto biases = in_proj_bias_.chunk(3);
  at::Tensor q = split_heads(at::linear(query, weights[0], biases[0]), heads_);
  const at::Tensor k = split_heads(at::linear(keys, weights[1], biases[1]), heads_);
  const at::Tensor v = split_heads(at::linear(keys, weights[2], biases[2]), heads_);
  const at::Tensor mixed = at::scaled_dot_product_attention(q, k, v);
  return out_proj_->forward(mixed.transpose(1, 2).flatten(2));
}

AttentionPooling::AttentionPooling(int64_t width, int64_t heads)
    : attention_(std::make_shared<MultiHeadAttention>(width, heads)) {
  query_ = register_parameter("query", at::empty({1, 1, width}));
  register_module("attention", attention_);
  torch::nn::init::normal_(query_, 0, 0.02);
}

at::Tensor AttentionPooling::forward(const at::Tensor& x) {
  const at::Tensor query = query_.expand_as(x.select(1, 0).unsqueeze(1));
  return attention_->forward(query, x).squeeze(1);
}

EncoderLayer::EncoderLayer(int64_t width, int64_t heads, int64_t inner, double dropout)
    : self_attn_(std::make_shared<MultiHeadAttention>(width, heads)),
      linear1_(width, inner),
      linear2_(inner, width),
      norm1_(torch::nn::LayerNormOptions({width})),
      norm2_(torch::nn::LayerNormOptions({width})),
      dropout_(dropout) {
  register_module("self_attn", self_attn_);
  register_module("linear1", linear1_);
  register_module("linear2", linear2_);
  register_module("norm1", norm1_);
  register_module("norm2", norm2_);
  register_module("dropout", dropout_);
}

at::Tensor EncoderLayer::forward(const at::Tensor& x) {
  const at::Tensor mixed = norm1_->forward(x + dropout_->forward(self_attn_->forward(x, x)));
  const at::Tensor inner = dropout_->forward(at::relu(linear1_->forward(mixed)));
  return norm2_->forward(mixed + dropout_->forward(linear2_->forward(inner)));
}

}  // namespace athanor
