// The parts of a SegFormer (Xie et al. 2021) with one head and a plain MLP: overlapping patches, attention
// over spatially reduced keys, blocks. Tensors are [B,H,W,D], which convolutions see as channels-last images
// without a copy. Left out: several heads, the depthwise convolution inside the MLP, dropout, stochastic
// depth.
#pragma once

#include <torch/nn/module.h>
#include <torch/nn/modules/conv.h>
#include <torch/nn/modules/linear.h>
#include <torch/nn/modules/normalization.h>

#include <memory>
#include <vector>

namespace athanor {

// [B,H,W,D] as the image [B,D,H,W], channels last; and back.
at::Tensor as_image(const at::Tensor& x);
at::Tensor as_grid(const at::Tensor& image);

// A strided convolution and LayerNorm.
class PatchEmbedding : public torch::nn::Module {
 public:
  PatchEmbedding(int64_t channels, int64_t width, int64_t kernel, int64_t stride);
  // image [B,C,H,W] -> [B,H/stride,W/stride,D]
  at::Tensor forward(const at::Tensor& image);

 private:
  torch::nn::Conv2d proj_;
  torch::nn::LayerNorm norm_;
};

// One head; keys and values from the grid shrunk `reduction` times by a convolution and LayerNorm (1: as it
// is).
class ReducedAttention : public torch::nn::Module {
 public:
  ReducedAttention(int64_t width, int64_t reduction);
  // x [B,H,W,D] -> [B,H,W,D]; `reduction` divides H and W.
  at::Tensor forward(const at::Tensor& x);

 private:
  torch::nn::Linear q_, kv_, proj_;
  torch::nn::Conv2d sr_{nullptr};
  torch::nn::LayerNorm norm_{nullptr};
};

// Pre-norm: x + attention(norm1(x)), then x + fc2(GELU(fc1(norm2(x)))).
class SegformerBlock : public torch::nn::Module {
 public:
  SegformerBlock(int64_t width, int64_t reduction, int64_t inner);
  at::Tensor forward(const at::Tensor& x);

 private:
  torch::nn::LayerNorm norm1_, norm2_;
  std::shared_ptr<ReducedAttention> attn_;
  torch::nn::Linear fc1_, fc2_;
};

struct SegformerStageOptions {
  int64_t channels = 3, width = 32, depth = 1, reduction = 1, inner = 64;
  int64_t kernel = 3, stride = 2;
};

// Patches, blocks, LayerNorm.
class SegformerStage : public torch::nn::Module {
 public:
  explicit SegformerStage(const SegformerStageOptions& options);
  // image [B,C,H,W] -> [B,H/stride,W/stride,D]
  at::Tensor forward(const at::Tensor& image);

 private:
  std::shared_ptr<PatchEmbedding> patch_;
  std::vector<std::shared_ptr<SegformerBlock>> blocks_;
  torch::nn::LayerNorm norm_;
};

}  // namespace athanor
