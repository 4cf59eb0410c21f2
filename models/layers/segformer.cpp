// Every view keeps the channels last, so that neither convolutions nor linear layers copy what they read.
#include "models/layers/segformer.h"

#include <ATen/ops/gelu.h>
#include <ATen/ops/scaled_dot_product_attention.h>

#include "src/core/text.h"

namespace athanor {
namespace {

torch::nn::Conv2dOptions square(int64_t in, int64_t out, int64_t kernel, int64_t stride, int64_t padding) {
  return torch::nn::Conv2dOptions(in, out, kernel).stride(stride).padding(padding);
}

torch::nn::LayerNorm layer_norm(int64_t width) {
  return torch::nn::LayerNorm(torch::nn::LayerNormOptions({width}));
}

}  // namespace

at::Tensor as_image(const at::Tensor& x) { return x.permute({0, 3, 1, 2}); }
at::Tensor as_grid(const at::Tensor& image) { return image.permute({0, 2, 3, 1}); }

PatchEmbedding::PatchEmbedding(int64_t channels, int64_t width, int64_t kernel, int64_t stride)
    : proj_(square(channels, width, kernel, stride, kernel / 2)), norm_(layer_norm(width)) {
  register_module("proj", proj_);
  register_module("norm", norm_);
}

at::Tensor PatchEmbedding::forward(const at::Tensor& image) {
  return norm_->forward(as_grid(proj_->forward(image)));
}

ReducedAttention::ReducedAttention(int64_t width, int64_t reduction)
    : q_(width, width), kv_(width, 2 * width), proj_(width, width) {
  register_module("q", q_);
  register_module("kv", kv_);
  register_module("proj", proj_);
  if (reduction == 1) return;
  sr_ = register_module("sr", torch::nn::Conv2d(square(width, width, reduction, reduction, 0)));
  norm_ = register_module("norm", layer_norm(width));
}

at::Tensor ReducedAttention::forward(const at::Tensor& x) {
  // [B,H,W,D] -> one head [B,1,N,D]
  const auto head = [](const at::Tensor& grid) { return grid.flatten(1, 2).unsqueeze(1); };
  const at::Tensor keys = sr_.is_empty() ? x : norm_->forward(as_grid(sr_->forward(as_image(x))));
  const auto kv = head(kv_->forward(keys)).chunk(2, -1);
  const at::Tensor mixed = at::scaled_dot_product_attention(head(q_->forward(x)), kv[0], kv[1]);
  return proj_->forward(mixed.squeeze(1).unflatten(1, {x.size(1), x.size(2)}));
}

SegformerBlock::SegformerBlock(int64_t width, int64_t reduction, int64_t inner)
    : norm1_(layer_norm(width)),
      norm2_(layer_norm(width)),
      attn_(std::make_shared<ReducedAttention>(width, reduction)),
      fc1_(width, inner),
      fc2_(inner, width) {
  register_module("norm1", norm1_);
  register_module("attn", attn_);
  register_module("norm2", norm2_);
  register_module("fc1", fc1_);
  register_module("fc2", fc2_);
}

at::Tensor SegformerBlock::forward(const at::Tensor& x) {
  const at::Tensor mixed = x + attn_->forward(norm1_->forward(x));
  return mixed + fc2_->forward(at::gelu(fc1_->forward(norm2_->forward(mixed))));
}

SegformerStage::SegformerStage(const SegformerStageOptions& options)
    : patch_(
          std::make_shared<PatchEmbedding>(options.channels, options.width, options.kernel, options.stride)),
      norm_(layer_norm(options.width)) {
  register_module("patch", patch_);
  for (int64_t i = 0; i < options.depth; ++i)
    blocks_.push_back(
        register_module(text("block", i + 1),
                        std::make_shared<SegformerBlock>(options.width, options.reduction, options.inner)));
  register_module("norm", norm_);
}

at::Tensor SegformerStage::forward(const at::Tensor& image) {
  at::Tensor x = patch_->forward(image);
  for (const auto& block : blocks_) x = block->forward(x);
  return norm_->forward(x);
}

}  // namespace athanor
