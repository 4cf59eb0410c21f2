// The encoder block of Transformers (Vaswani et al. 2017) in the forms that encoders of text and images have:
// LayerNorm before or behind, rotary positions, gated MLP. Weights are read from Hugging Face folders; q, k
// and v become one product. Left out: dropout (inference), caches, cross-attention.
#pragma once

#include <torch/nn/module.h>

#include <memory>
#include <vector>

#include "models/encoders/linear.h"

namespace athanor {

class WeightScope;

// What a family calls the parts of a block. Either `qkv` or the three.
struct BlockNames {
  const char *q = "", *k = "", *v = "", *qkv = "";
  const char *out = "", *norm1 = "", *norm2 = "", *up = "", *down = "";
};

// Both sides of CLIP and of SigLIP.
inline constexpr BlockNames kClipBlockNames = {.q = "self_attn.q_proj",
                                               .k = "self_attn.k_proj",
                                               .v = "self_attn.v_proj",
                                               .out = "self_attn.out_proj",
                                               .norm1 = "layer_norm1",
                                               .norm2 = "layer_norm2",
                                               .up = "mlp.fc1",
                                               .down = "mlp.fc2"};

struct BlockOptions {
  int64_t width = 768, heads = 12, inner = 3072;
  Activation activation = Activation::kGelu;
  double norm_eps = 1e-12;
  bool pre_norm = true;        // x + f(norm(x)); else norm(x + f(x)), as in BERT
  bool attention_norm = true;  // false: attention sees x itself (ModernBERT's first block)
  bool norm_bias = true, attention_bias = true, mlp_bias = true;
  bool gated = false;  // `up` gives [a,b], the MLP act(a) b
};

class LayerNorm : public torch::nn::Module {
 public:
  LayerNorm(const WeightScope& weights, int64_t width, double eps, bool bias = true);
  at::Tensor forward(const at::Tensor& x) const;

 private:
  at::Tensor weight_, bias_;
  double eps_;
};

// What a batch's tokens see of each other, and where they stand. Shared by the blocks.
struct AttentionScope {
  at::Tensor mask;      // [B or 1,1,L or 1,L] f32, added to the scores; undefined: all see all
  at::Tensor cos, sin;  // [L,Dh] f32 of rotary positions; undefined: none
};

class EncoderBlock : public torch::nn::Module {
 public:
  EncoderBlock(const WeightScope& weights, const BlockNames& names, const BlockOptions& options);
  // x [B,L,D] -> [B,L,D]
  at::Tensor forward(const at::Tensor& x, const AttentionScope& scope) const;
  // Of the first token alone, where all see all and norms stand before: [B,L,D] -> [B,D].
  at::Tensor forward_first(const at::Tensor& x) const;

 private:
  // [B,L,3D] -> q, k and v, [B,H,L,Dh] each
  std::vector<at::Tensor> split_heads(const at::Tensor& joined) const;
  at::Tensor attend(const at::Tensor& x, const AttentionScope& scope) const;
  at::Tensor transform(const at::Tensor& x) const;

  BlockOptions options_;
  std::shared_ptr<Linear> qkv_, out_, up_, down_;
  std::shared_ptr<LayerNorm> norm1_, norm2_;
};

// The layer of this name: weight [outputs,inputs] and, where it is to have one, bias [outputs].
std::shared_ptr<Linear> read_linear(const WeightScope& weights, const std::string& name, int64_t inputs,
                                    int64_t outputs, bool bias = true);

// row [L] -> [L] i64: 0, 1, 2, … on its device, at any length in a trace too (arange would keep L).
at::Tensor count_up(const at::Tensor& row);

// mask [B,L] (1: a token, 0: padding) -> the mask of AttentionScope, undefined where nothing is padding.
// Tokens further apart than `window` do not see each other (0: all do); causal: none sees those behind it.
at::Tensor attention_mask(const at::Tensor& mask, bool causal, int64_t window = 0);

}  // namespace athanor
