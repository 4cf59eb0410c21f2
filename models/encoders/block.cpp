#include "models/encoders/block.h"

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/layer_norm.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/scaled_dot_product_attention.h>
#include <ATen/ops/where.h>
#include <torch/csrc/jit/frontend/tracer.h>

#include <limits>

#include "models/encoders/hf_folder.h"
#include "src/ops/attention.h"

namespace athanor {
namespace {

std::shared_ptr<Linear> read_qkv(const WeightScope& weights, const BlockNames& names, int64_t width,
                                 bool bias) {
  if (*names.qkv != '\0') return read_linear(weights, names.qkv, width, 3 * width, bias);
  std::vector<at::Tensor> rows, biases;
  for (const char* name : {names.q, names.k, names.v}) {
    rows.push_back(weights.in(name).take("weight", {width, width}));
    if (bias) biases.push_back(weights.in(name).take("bias", {width}));
  }
  return std::make_shared<Linear>(at::cat(rows), bias ? at::cat(biases) : at::Tensor());
}

// x [B,H,L,Dh] turned by the angles of its positions: halves of a head are the two coordinates.
at::Tensor rotated(const at::Tensor& x, const AttentionScope& scope) {
  const auto halves = x.chunk(2, -1);
  return x * scope.cos + at::cat({-halves[1], halves[0]}, -1) * scope.sin;
}

// qkv [B,L,3D] f32 -> [B,L,D], by this project's kernel.
at::Tensor attended(const at::Tensor& qkv, const at::Tensor& mask, int64_t heads,
                    ProductPrecision precision) {
  const int64_t rows = qkv.size(1), width = qkv.size(2) / 3;
  at::Tensor out = at::empty({qkv.size(0), rows, width}, qkv.options());
  const auto* begin = qkv.const_data_ptr<float>();
  const Attention attention{
      .q = begin,
      .k = begin + width,
      .v = begin + 2 * width,
      .batch_stride = rows * 3 * width,
      .head_stride = width / heads,
      .row_stride = 3 * width,
      .out = out.mutable_data_ptr<float>(),
      .batch = qkv.size(0),
      .heads = heads,
      .length = rows,
      .width = width / heads,
      .mask = mask.defined() ? mask.const_data_ptr<float>() : nullptr,
      .mask_batch_stride = mask.defined() && mask.size(0) > 1 ? mask.stride(0) : 0,
      .mask_row_stride = mask.defined() && mask.size(2) > 1 ? mask.stride(2) : 0,
      .precision = precision == ProductPrecision::kFp32 ? precision : ProductPrecision::kBf16};
  at::parallel_for(0, attention.batch * heads, 1,
                   [&](int64_t first, int64_t end) { attend_heads(attention, first, end); });
  return out;
}

}  // namespace

LayerNorm::LayerNorm(const WeightScope& weights, int64_t width, double eps, bool bias) : eps_(eps) {
  weight_ = register_parameter("weight", weights.take("weight", {width}), false);
  bias_ = register_parameter("bias", bias ? weights.take("bias", {width}) : at::Tensor(), false);
}

at::Tensor LayerNorm::forward(const at::Tensor& x) const {
  return at::layer_norm(x, {x.size(-1)}, weight_, bias_, eps_);
}

std::shared_ptr<Linear> read_linear(const WeightScope& weights, const std::string& name, int64_t inputs,
                                    int64_t outputs, bool bias) {
  const WeightScope own = weights.in(name);
  return std::make_shared<Linear>(own.take("weight", {outputs, inputs}),
                                  bias ? own.take("bias", {outputs}) : at::Tensor());
}

EncoderBlock::EncoderBlock(const WeightScope& weights, const BlockNames& names, const BlockOptions& options)
    : options_(options) {
  const BlockOptions& o = options_;
  const auto norm = [&](const char* name) {
    return std::make_shared<LayerNorm>(weights.in(name), o.width, o.norm_eps, o.norm_bias);
  };
  qkv_ = register_module("qkv", read_qkv(weights, names, o.width, o.attention_bias));
  out_ = register_module("out", read_linear(weights, names.out, o.width, o.width, o.attention_bias));
  up_ =
      register_module("up", read_linear(weights, names.up, o.width, o.inner * (o.gated ? 2 : 1), o.mlp_bias));
  down_ = register_module("down", read_linear(weights, names.down, o.inner, o.width, o.mlp_bias));
  if (o.attention_norm) norm1_ = register_module("norm1", norm(names.norm1));
  norm2_ = register_module("norm2", norm(names.norm2));
}

std::vector<at::Tensor> EncoderBlock::split_heads(const at::Tensor& joined) const {
  return joined.unflatten(-1, {3, options_.heads, -1}).permute({2, 0, 3, 1, 4}).unbind(0);
}

at::Tensor EncoderBlock::attend(const at::Tensor& x, const AttentionScope& scope) const {
  const at::Tensor joined = qkv_->forward(x);
  const ProductPrecision* packed = qkv_->packed_for(x);
  if (packed != nullptr && !scope.cos.defined())
    return out_->forward(attended(joined, scope.mask, options_.heads, *packed));
  auto qkv = split_heads(joined);
  if (scope.cos.defined()) qkv[0] = rotated(qkv[0], scope), qkv[1] = rotated(qkv[1], scope);
  const std::optional<at::Tensor> mask = scope.mask.defined() ? std::optional(scope.mask) : std::nullopt;
  const at::Tensor mixed = at::scaled_dot_product_attention(qkv[0], qkv[1], qkv[2], mask);
  return out_->forward(mixed.transpose(1, 2).flatten(2));
}

at::Tensor EncoderBlock::transform(const at::Tensor& x) const {
  if (!options_.gated) return down_->forward(up_->forward(x, options_.activation));
  const auto halves = up_->forward(x).chunk(2, -1);
  return down_->forward(activated(halves[0], options_.activation) * halves[1]);
}

at::Tensor EncoderBlock::forward(const at::Tensor& x, const AttentionScope& scope) const {
  if (!options_.pre_norm) {
    const at::Tensor seen = norm1_->forward(x + attend(x, scope));
    return norm2_->forward(seen + transform(seen));
  }
  const at::Tensor seen = x + attend(norm1_ == nullptr ? x : norm1_->forward(x), scope);
  return seen + transform(norm2_->forward(seen));
}

at::Tensor count_up(const at::Tensor& row) { return at::ones_like(row, at::kLong).cumsum(0) - 1; }

at::Tensor EncoderBlock::forward_first(const at::Tensor& x) const {
  const auto qkv = split_heads(qkv_->forward(norm1_->forward(x)));
  const at::Tensor mixed = at::scaled_dot_product_attention(qkv[0].narrow(2, 0, 1), qkv[1], qkv[2]);
  const at::Tensor seen = x.narrow(1, 0, 1) + out_->forward(mixed.transpose(1, 2).flatten(2));
  return (seen + transform(norm2_->forward(seen))).select(1, 0);
}

at::Tensor attention_mask(const at::Tensor& mask, bool causal, int64_t window) {
  at::Tensor seen = (mask != 0).unsqueeze(1).unsqueeze(1);  // [B,1,1,L]
  if (causal || window > 0) {
    const at::Tensor at = count_up(mask.select(0, 0));
    const at::Tensor behind = at.unsqueeze(1) - at;  // [L,L]: how far a key lies behind its query
    if (causal) seen = seen.logical_and(behind >= 0);
    if (window > 0) seen = seen.logical_and(behind.abs() <= window);
  }
  // A trace holds for every mask.
  if (!torch::jit::tracer::isTracing() && seen.all().item<bool>()) return {};
  // Not minus infinity: a row that sees nothing, which is padding, stays finite.
  return at::where(seen, 0.0F, std::numeric_limits<float>::lowest());
}

}  // namespace athanor
