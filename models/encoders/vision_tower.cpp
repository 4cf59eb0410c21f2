// CLIP, SigLIP and BLIP vision transformers (Dosovitskiy et al. 2021 with their own ends). Patches are cut
// and multiplied as rows, which is the patch convolution. Left out: other sizes of image than the config's.
#include "models/encoders/read_tower.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/scaled_dot_product_attention.h>

#include <vector>

#include "models/encoders/block.h"
#include "models/encoders/hf_folder.h"
#include "src/core/text.h"

namespace athanor {
namespace {

constexpr BlockNames kBlipNames = {.qkv = "self_attn.qkv",
                                   .out = "self_attn.projection",
                                   .norm1 = "layer_norm1",
                                   .norm2 = "layer_norm2",
                                   .up = "mlp.fc1",
                                   .down = "mlp.fc2"};

enum class Pooling { kNormedClass, kNormedTwiceClass, kAttention };

// What sets a family apart, with the defaults of its config class in transformers.
struct Family {
  BlockNames names;
  int64_t image_size, patch_size;
  const char* activation;
  double norm_eps;
  bool has_class, patch_bias, first_norm, bare_names;
  Pooling pooling;
};
constexpr Family kClip = {kClipBlockNames, 224,  32,    "quick_gelu",         1e-5, true,
                          false,           true, false, Pooling::kNormedClass};
constexpr Family kSiglip = {kClipBlockNames,    224, 16, "gelu_pytorch_tanh", 1e-6, false, true, false, false,
                            Pooling::kAttention};
constexpr Family kBlip = {kBlipNames, 384,  16,    "gelu", 1e-5,
                          true,       true, false, true,   Pooling::kNormedTwiceClass};

// SigLIP's pooling: a learned query attends to all patches, then an MLP.
class AttentionHead : public torch::nn::Module {
 public:
  AttentionHead(const WeightScope& weights, const BlockOptions& options) : heads_(options.heads) {
    const int64_t width = options.width;
    const WeightScope attention = weights.in("attention");
    const auto rows = attention.take("in_proj_weight", {3 * width, width}).split({width, 2 * width});
    const auto biases = attention.take("in_proj_bias", {3 * width}).split({width, 2 * width});
    const Linear query(rows[0], biases[0]);
    query_ = register_buffer("query", query.forward(weights.take("probe", {1, 1, width})));
    kv_ = register_module("kv", std::make_shared<Linear>(rows[1], biases[1]));
    out_ = register_module("out", read_linear(attention, "out_proj", width, width));
    norm_ = register_module("norm",
                            std::make_shared<LayerNorm>(weights.in("layernorm"), width, options.norm_eps));
    up_ = register_module("up", read_linear(weights, "mlp.fc1", width, options.inner));
    down_ = register_module("down", read_linear(weights, "mlp.fc2", options.inner, width));
    activation_ = options.activation;
  }
  // x [B,L,D] -> [B,D]
  at::Tensor forward(const at::Tensor& x) const {
    const auto kv = kv_->forward(x).unflatten(-1, {2, heads_, -1}).permute({2, 0, 3, 1, 4}).unbind(0);
    const at::Tensor query =
        query_.unflatten(-1, {heads_, -1}).transpose(1, 2).expand_as(kv[0].narrow(2, 0, 1));
    const at::Tensor mixed = at::scaled_dot_product_attention(query, kv[0], kv[1]);
    const at::Tensor seen = out_->forward(mixed.transpose(1, 2).flatten(2));
    return (seen + down_->forward(up_->forward(norm_->forward(seen), activation_))).select(1, 0);
  }

 private:
  int64_t heads_;
  at::Tensor query_;  // [1,1,D], projected
  std::shared_ptr<Linear> kv_, out_, up_, down_;
  std::shared_ptr<LayerNorm> norm_;
  Activation activation_;
};

class VisionTransformer : public VisionTower {
 public:
  VisionTransformer(const HfConfig& config, const WeightScope& weights, const Family& family)
      : family_(family) {
    BlockOptions& block = block_;
    block.width = config.size("hidden_size", 768);
    block.heads = config.size("num_attention_heads", 12);
    block.inner = config.size("intermediate_size", 3072);
    block.norm_eps = config.number("layer_norm_eps", family.norm_eps);
    if (block.width % block.heads != 0) config.refuse("num_attention_heads", "a divisor of hidden_size");
    if (!find_activation(config.word("hidden_act", family.activation), block.activation))
      config.refuse("hidden_act", "gelu, gelu_pytorch_tanh, quick_gelu, relu or silu");
    if (config.size("num_channels", 3) != 3) config.refuse("num_channels", "3");
    image_size_ = config.size("image_size", family.image_size);
    patch_size_ = config.size("patch_size", family.patch_size);
    if (patch_size_ > image_size_) config.refuse("patch_size", "no more than image_size");
    read_embeddings(weights.in("embeddings"));
    const int64_t layers = config.size("num_hidden_layers", 12);
    for (int64_t i = 0; i < layers; ++i)
      blocks_.push_back(register_module(
          text("block", i),
          std::make_shared<EncoderBlock>(weights.in(text("encoder.layers.", i)), family.names, block)));
    last_norm_ = register_module(
        "last_norm", std::make_shared<LayerNorm>(weights.in("post_layernorm"), block.width, block.norm_eps));
    if (family.first_norm)
      first_norm_ = register_module(
          "first_norm", std::make_shared<LayerNorm>(weights.in("pre_layrnorm"), block.width, block.norm_eps));
    if (family.pooling == Pooling::kAttention && weights.has("head.probe"))
      head_ = register_module("head", std::make_shared<AttentionHead>(weights.in("head"), block));
  }

  TowerOutput forward(const at::Tensor& pixels) const override {
    at::Tensor x = embedded(pixels);
    for (const auto& block : blocks_) x = block->forward(x, {});
    if (family_.pooling == Pooling::kNormedClass) return {x, last_norm_->forward(x.select(1, 0))};
    x = last_norm_->forward(x);
    if (family_.pooling == Pooling::kNormedTwiceClass) return {x, last_norm_->forward(x.select(1, 0))};
    return {x, head_ == nullptr ? at::Tensor() : head_->forward(x)};
  }
  at::Tensor pooled(const at::Tensor& pixels) const override {
    if (family_.pooling == Pooling::kAttention) return forward(pixels).pooled;
    at::Tensor x = embedded(pixels);
    for (const auto& block : blocks_)
      x = block == blocks_.back() ? block->forward_first(x) : block->forward(x, {});
    x = last_norm_->forward(x);
    return family_.pooling == Pooling::kNormedTwiceClass ? last_norm_->forward(x) : x;
  }
  int64_t width() const override { return block_.width; }
  bool pools() const override { return family_.pooling != Pooling::kAttention || head_ != nullptr; }
  int64_t image_size() const override { return image_size_; }

 private:
  void read_embeddings(const WeightScope& weights) {
    const int64_t width = block_.width, side = image_size_ / patch_size_,
                  rows = side * side + (family_.has_class ? 1 : 0);
    const at::Tensor kernel = weights.take("patch_embedding.weight", {width, 3, patch_size_, patch_size_});
    patches_ = register_module(
        "patches", std::make_shared<Linear>(
                       kernel.flatten(1),
                       family_.patch_bias ? weights.take("patch_embedding.bias", {width}) : at::Tensor()));
    const at::Tensor positions = family_.bare_names
                                     ? weights.take("position_embedding", {1, rows, width})
                                     : weights.take("position_embedding.weight", {rows, width});
    positions_ = register_parameter("positions", positions.reshape({1, rows, width}), false);
    if (!family_.has_class) return;
    const at::Tensor row = family_.bare_names ? weights.take("class_embedding", {1, 1, width})
                                              : weights.take("class_embedding", {width});
    class_row_ = register_parameter("class_row", row.reshape({1, 1, width}), false);
  }

  // [B,3,H,W] -> [B,L,D], what the first block sees
  at::Tensor embedded(const at::Tensor& pixels) const {
    at::Tensor x = patches_->forward(cut(pixels));
    if (class_row_.defined()) x = at::cat({class_row_.expand_as(x.narrow(1, 0, 1)), x}, 1);
    x = x + positions_;
    return first_norm_ == nullptr ? x : first_norm_->forward(x);
  }

  // [B,3,H,W] -> [B,N,3 p p]; what is left at the right and lower edge is not seen.
  at::Tensor cut(const at::Tensor& pixels) const {
    const int64_t side = image_size_ / patch_size_, seen = side * patch_size_;
    return pixels.narrow(2, 0, seen)
        .narrow(3, 0, seen)
        .unflatten(3, {side, patch_size_})
        .unflatten(2, {side, patch_size_})
        .permute({0, 2, 4, 1, 3, 5})
        .flatten(3)
        .flatten(1, 2);
  }

  Family family_;
  BlockOptions block_;
  int64_t image_size_ = 0, patch_size_ = 0;
  std::shared_ptr<Linear> patches_;
  at::Tensor class_row_, positions_;  // [1,1,D], [1,L,D]
  std::shared_ptr<LayerNorm> first_norm_, last_norm_;
  std::vector<std::shared_ptr<EncoderBlock>> blocks_;
  std::shared_ptr<AttentionHead> head_;
};

const Family* family_of(const std::string& model_type) {
  if (model_type.starts_with("clip")) return &kClip;
  if (model_type.starts_with("siglip")) return &kSiglip;
  if (model_type.starts_with("blip")) return &kBlip;
  return nullptr;
}

}  // namespace

std::shared_ptr<VisionTower> read_vision_tower(const HfConfig& config, const WeightScope& weights,
                                               const std::string& model_type) {
  const Family* family = family_of(model_type);
  if (family == nullptr) config.refuse("model_type", "clip, siglip or blip");
  return std::make_shared<VisionTransformer>(config, weights, *family);
}

}  // namespace athanor
