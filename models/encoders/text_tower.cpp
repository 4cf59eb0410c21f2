// BERT (Devlin et al. 2019), XLM-RoBERTa, the text sides of CLIP and SigLIP, ModernBERT (Warner et al. 2024):
// one transformer with what sets each family apart in a table. Left out: decoders, token types other than 0,
// scaled rotary positions.
#include "models/encoders/read_tower.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/embedding.h>
#include <ATen/ops/pow.h>
#include <ATen/ops/tanh.h>

#include <vector>

#include "models/encoders/block.h"
#include "models/encoders/hf_folder.h"
#include "src/core/text.h"

namespace athanor {
namespace {

enum class Positions { kCounted, kBehindPadding, kRotary };
enum class Pooling { kNone, kTanhOfFirst, kEndToken, kLastThroughHead };

// What sets a family apart, with the defaults of its config class in transformers.
struct Family {
  BlockNames block;
  const char *blocks, *tokens, *positions, *types, *embedding_norm, *last_norm;  // "" or null: none
  const char *activation_field, *eps_field, *activation;
  double norm_eps;
  int64_t vocab, width, heads, inner, layers, longest, padding;
  Positions position;
  Pooling pooling;
  bool pre_norm, causal;
};

constexpr BlockNames kBertNames = {.q = "attention.self.query",
                                   .k = "attention.self.key",
                                   .v = "attention.self.value",
                                   .out = "attention.output.dense",
                                   .norm1 = "attention.output.LayerNorm",
                                   .norm2 = "output.LayerNorm",
                                   .up = "intermediate.dense",
                                   .down = "output.dense"};
constexpr BlockNames kModernNames = {.qkv = "attn.Wqkv",
                                     .out = "attn.Wo",
                                     .norm1 = "attn_norm",
                                     .norm2 = "mlp_norm",
                                     .up = "mlp.Wi",
                                     .down = "mlp.Wo"};

constexpr Family kBert = {.block = kBertNames,
                          .blocks = "encoder.layer.",
                          .tokens = "embeddings.word_embeddings",
                          .positions = "embeddings.position_embeddings",
                          .types = "embeddings.token_type_embeddings",
                          .embedding_norm = "embeddings.LayerNorm",
                          .last_norm = "",
                          .activation_field = "hidden_act",
                          .eps_field = "layer_norm_eps",
                          .activation = "gelu",
                          .norm_eps = 1e-12,
                          .vocab = 30522,
                          .width = 768,
                          .heads = 12,
                          .inner = 3072,
                          .layers = 12,
                          .longest = 512,
                          .padding = 0,
                          .position = Positions::kCounted,
                          .pooling = Pooling::kTanhOfFirst,
                          .pre_norm = false,
                          .causal = false};
constexpr Family kClip = {.block = kClipBlockNames,
                          .blocks = "encoder.layers.",
                          .tokens = "embeddings.token_embedding",
                          .positions = "embeddings.position_embedding",
                          .types = "",
                          .embedding_norm = "",
                          .last_norm = "final_layer_norm",
                          .activation_field = "hidden_act",
                          .eps_field = "layer_norm_eps",
                          .activation = "quick_gelu",
                          .norm_eps = 1e-5,
                          .vocab = 49408,
                          .width = 512,
                          .heads = 8,
                          .inner = 2048,
                          .layers = 12,
                          .longest = 77,
                          .padding = 1,
                          .position = Positions::kCounted,
                          .pooling = Pooling::kEndToken,
                          .pre_norm = true,
                          .causal = true};

Family xlm_roberta() {
  Family family = kBert;
  family.position = Positions::kBehindPadding;
  family.padding = 1;
  return family;
}

Family siglip() {
  Family family = kClip;
  family.activation = "gelu_pytorch_tanh";
  family.norm_eps = 1e-6;
  family.vocab = 32000;
  family.width = 768;
  family.heads = 12;
  family.inner = 3072;
  family.longest = 64;
  family.pooling = Pooling::kLastThroughHead;
  family.causal = false;
  return family;
}

Family modern_bert() {
  return {.block = kModernNames,
          .blocks = "layers.",
          .tokens = "embeddings.tok_embeddings",
          .positions = "",
          .types = "",
          .embedding_norm = "embeddings.norm",
          .last_norm = "final_norm",
          .activation_field = "hidden_activation",
          .eps_field = "norm_eps",
          .activation = "gelu",
          .norm_eps = 1e-5,
          .vocab = 50368,
          .width = 768,
          .heads = 12,
          .inner = 1152,
          .layers = 22,
          .longest = 8192,
          .padding = 50283,
          .position = Positions::kRotary,
          .pooling = Pooling::kNone,
          .pre_norm = true,
          .causal = false};
}

bool has_name(const char* name) { return *name != '\0'; }

// Of ModernBERT: layers see everything, or a window around them; each way has its rotary base.
struct LayerKinds {
  std::vector<bool> local;  // by layer
  int64_t window = 0;       // tokens to either side that a local layer sees
  double theta = 10000, local_theta = 10000;
};

double theta_of(const HfConfig& config, const char* kind, const char* old_field, double otherwise) {
  const HfConfig rope = config.section("rope_parameters").section(kind);
  if (rope.word("rope_type", "default") != "default") rope.refuse("rope_type", "default");
  if (rope.has("rope_theta")) return rope.number("rope_theta", otherwise);
  return config.number(old_field, otherwise);
}

LayerKinds layer_kinds(const HfConfig& config, int64_t layers) {
  LayerKinds kinds;
  const std::vector<std::string> named = config.words("layer_types");
  const int64_t every = config.size("global_attn_every_n_layers", 3);
  if (!named.empty() && static_cast<int64_t>(named.size()) != layers)
    config.refuse("layer_types", text("one of each of ", layers, " layers"));
  for (int64_t i = 0; i < layers; ++i)
    kinds.local.push_back(named.empty() ? i % every != 0
                                        : named[static_cast<size_t>(i)] == "sliding_attention");
  kinds.window = config.size("local_attention", 128) / 2;
  kinds.theta = theta_of(config, "full_attention", "global_rope_theta", 160000);
  kinds.local_theta = theta_of(config, "sliding_attention", "local_rope_theta", 10000);
  return kinds;
}

class TextTransformer : public TextTower {
 public:
  TextTransformer(const HfConfig& config, const WeightScope& weights, const Family& family)
      : family_(family) {
    const int64_t layers = read_options(config);
    const int64_t vocab = config.size("vocab_size", family.vocab), width = block_.width;
    padding_ = config.integer("pad_token_id", family.padding);
    end_ = config.has("eos_token_id") ? config.integer("eos_token_id", 0) : 49407;
    tokens_ = register_parameter("tokens", weights.in(family.tokens).take("weight", {vocab, width}), false);
    if (has_name(family.positions)) read_positions(config, weights);
    const auto norm = [&](const char* name) {
      return std::make_shared<LayerNorm>(weights.in(name), width, block_.norm_eps, block_.norm_bias);
    };
    if (has_name(family.embedding_norm))
      first_norm_ = register_module("first_norm", norm(family.embedding_norm));
    if (has_name(family.last_norm)) last_norm_ = register_module("last_norm", norm(family.last_norm));
    for (int64_t i = 0; i < layers; ++i) {
      BlockOptions options = block_;
      options.attention_norm = family.position != Positions::kRotary || i > 0;
      blocks_.push_back(register_module(
          text("block", i),
          std::make_shared<EncoderBlock>(weights.in(text(family.blocks, i)), family.block, options)));
    }
    read_pooling(config, weights);
  }

  at::Tensor embed(const at::Tensor& ids) const override {
    at::Tensor x = at::embedding(tokens_, ids);
    if (family_.position == Positions::kCounted)
      return x + at::embedding(positions_, count_up(ids.select(0, 0)));
    if (family_.position == Positions::kRotary) return x;
    const at::Tensor counts = (ids != padding_).to(at::kLong);
    return x + at::embedding(positions_, counts.cumsum(1) * counts + padding_);
  }

  TowerOutput forward(const at::Tensor& ids, const at::Tensor& mask) const override {
    TowerOutput out = forward_embedded(embed(ids), mask);
    if (family_.pooling == Pooling::kEndToken) {
      // The largest id in vocabularies whose config has the wrong end token (2), else the first end token.
      const at::Tensor ends = end_ == 2 ? ids.argmax(-1) : (ids == end_).to(at::kInt).argmax(-1);
      out.pooled = out.hidden.gather(1, ends.view({-1, 1, 1}).expand({-1, 1, width()})).squeeze(1);
    }
    return out;
  }

  TowerOutput forward_embedded(const at::Tensor& embedded, const at::Tensor& mask) const override {
    at::Tensor x = first_norm_ == nullptr ? embedded : first_norm_->forward(embedded);
    const AttentionScope wide = scope(mask, 0, kinds_.theta);
    const AttentionScope narrow =
        kinds_.window > 0 ? scope(mask, kinds_.window, kinds_.local_theta) : AttentionScope{};
    for (size_t i = 0; i < blocks_.size(); ++i)
      x = blocks_[i]->forward(x, !kinds_.local.empty() && kinds_.local[i] ? narrow : wide);
    if (last_norm_ != nullptr) x = last_norm_->forward(x);
    if (pooler_ == nullptr) return {x, at::Tensor()};
    if (family_.pooling == Pooling::kTanhOfFirst) return {x, at::tanh(pooler_->forward(x.select(1, 0)))};
    return {x, pooler_->forward(x.select(1, -1))};
  }

  int64_t width() const override { return block_.width; }
  int64_t pooled_width() const override {
    if (family_.pooling == Pooling::kEndToken) return block_.width;
    return pooler_ == nullptr ? 0 : pooler_->outputs();
  }
  int64_t ids() const override { return tokens_.size(0); }
  int64_t longest() const override { return longest_; }
  int64_t padding_id() const override { return padding_; }
  bool is_full_length() const override { return family_.pooling == Pooling::kLastThroughHead; }

 private:
  int64_t read_options(const HfConfig& config) {
    BlockOptions& block = block_;
    block.width = config.size("hidden_size", family_.width);
    block.heads = config.size("num_attention_heads", family_.heads);
    block.inner = config.size("intermediate_size", family_.inner);
    block.norm_eps = config.number(family_.eps_field, family_.norm_eps);
    block.pre_norm = family_.pre_norm;
    if (block.width % block.heads != 0) config.refuse("num_attention_heads", "a divisor of hidden_size");
    if (!find_activation(config.word(family_.activation_field, family_.activation), block.activation))
      config.refuse(family_.activation_field, "gelu, gelu_pytorch_tanh, quick_gelu, relu or silu");
    const std::string position = config.word("position_embedding_type", "absolute");
    if (position != "absolute") config.refuse("position_embedding_type", "absolute");
    longest_ = config.size("max_position_embeddings", family_.longest);
    const int64_t layers = config.size("num_hidden_layers", family_.layers);
    if (family_.position != Positions::kRotary) return layers;
    block.gated = true;
    block.norm_bias = config.flag("norm_bias", false);
    block.attention_bias = config.flag("attention_bias", false);
    block.mlp_bias = config.flag("mlp_bias", false);
    kinds_ = layer_kinds(config, layers);
    return layers;
  }

  // The rows of positions, with the row of token type 0 in them.
  void read_positions(const HfConfig& config, const WeightScope& weights) {
    at::Tensor rows = weights.in(family_.positions).take("weight", {longest_, block_.width});
    if (has_name(family_.types)) {
      const int64_t types = config.size("type_vocab_size", 2);
      rows = rows + weights.in(family_.types).take("weight", {types, block_.width}).select(0, 0);
    }
    positions_ = register_parameter("positions", rows, false);
    if (family_.position == Positions::kBehindPadding) longest_ -= padding_ + 1;
  }

  void read_pooling(const HfConfig& config, const WeightScope& weights) {
    const int64_t width = block_.width;
    if (family_.pooling == Pooling::kTanhOfFirst && weights.has("pooler.dense.weight"))
      pooler_ = register_module("pooler", read_linear(weights, "pooler.dense", width, width));
    if (family_.pooling == Pooling::kLastThroughHead)
      pooler_ = register_module("pooler",
                                read_linear(weights, "head", width, config.size("projection_size", width)));
  }

  AttentionScope scope(const at::Tensor& mask, int64_t window, double theta) const {
    AttentionScope scope;
    scope.mask = attention_mask(mask, family_.causal, window);
    if (family_.position != Positions::kRotary) return scope;
    const int64_t head = block_.width / block_.heads;
    const at::Tensor pairs = count_up(tokens_.select(0, 0).narrow(0, 0, head / 2)) * 2;
    const at::Tensor turns = at::pow(at::Scalar(theta), pairs.to(at::kFloat) / -head);
    const at::Tensor angles = count_up(mask.select(0, 0)).to(at::kFloat).unsqueeze(1) * turns;
    const at::Tensor both = at::cat({angles, angles}, -1);
    scope.cos = both.cos();
    scope.sin = both.sin();
    return scope;
  }

  Family family_;
  BlockOptions block_;
  LayerKinds kinds_;
  int64_t longest_ = 0, padding_ = 0, end_ = 0;
  at::Tensor tokens_, positions_;  // [V,D], [L,D]
  std::shared_ptr<LayerNorm> first_norm_, last_norm_;
  std::vector<std::shared_ptr<EncoderBlock>> blocks_;
  std::shared_ptr<Linear> pooler_;
};

}  // namespace

std::shared_ptr<TextTower> read_text_tower(const HfConfig& config, const WeightScope& weights,
                                           const std::string& model_type) {
  const auto is = [&](const char* name) { return model_type.starts_with(name); };
  if (!is("bert") && !is("xlm-roberta") && !is("clip") && !is("siglip") && !is("modernbert"))
    config.refuse("model_type", "bert, xlm-roberta, clip, siglip or modernbert");
  const Family family = is("bert")          ? kBert
                        : is("xlm-roberta") ? xlm_roberta()
                        : is("clip")        ? kClip
                        : is("siglip")      ? siglip()
                                            : modern_bert();
  return std::make_shared<TextTransformer>(config, weights, family);
}

}  // namespace athanor
