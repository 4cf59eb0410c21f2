#include "models/encoders/two_tower.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/scaled_dot_product_attention.h>
#include <ATen/ops/zeros.h>

#include <cmath>
#include <filesystem>
#include <utility>
#include <vector>

#include "models/encoders/hf_folder.h"
#include "models/encoders/sentence_head.h"
#include "src/core/error.h"
#include "src/core/log.h"
#include "src/core/random.h"
#include "src/core/safetensors.h"
#include "src/core/text.h"

namespace athanor {

// What sets a kind apart.
struct TwoTowerKind {
  const char* name;
  bool pools_by_mean;           // else by the towers' own poolers
  bool norms;                   // a LayerNorm behind each layer
  Activation projected;         // behind the projections
  Activation fused;             // between the layers of the fusion
  int64_t fusion_widths;        // its inner width, of vectors
  bool cross_attention;         // where encoder.json does not say
  const char *query, *passage;  // prompts where encoder.json has none; null: none
};

namespace {

constexpr TwoTowerKind kKinds[] = {{.name = "colvbert",
                                    .pools_by_mean = true,
                                    .norms = false,
                                    .projected = Activation::kNone,
                                    .fused = Activation::kRelu,
                                    .fusion_widths = 1,
                                    .cross_attention = false,
                                    .query = "query: ",
                                    .passage = "passage: "},
                                   {.name = "colmodernvbert",
                                    .pools_by_mean = false,
                                    .norms = true,
                                    .projected = Activation::kGelu,
                                    .fused = Activation::kGelu,
                                    .fusion_widths = 2,
                                    .cross_attention = true,
                                    .query = nullptr,
                                    .passage = nullptr}};
constexpr double kNormEps = 1e-5;

const TwoTowerKind* kind_of(const HfConfig& config) {
  const std::string name = config.word("kind");
  for (const TwoTowerKind& kind : kKinds)
    if (name == kind.name) return &kind;
  config.refuse("kind", "colvbert or colmodernvbert");
}

using Shapes = std::vector<std::pair<std::string, std::vector<int64_t>>>;

// The tensors of heads.safetensors.
Shapes head_shapes(const TwoTowerConfig& config, int64_t text_width, int64_t vision_width) {
  const TwoTowerKind& kind = *config.kind;
  const int64_t width = config.width, inner = kind.fusion_widths * width;
  Shapes shapes;
  const auto layer = [&](const std::string& name, int64_t inputs, int64_t outputs) {
    shapes.push_back({name + ".weight", {outputs, inputs}});
    shapes.push_back({name + ".bias", {outputs}});
    if (!kind.norms) return;
    shapes.push_back({name + "_norm.weight", {outputs}});
    shapes.push_back({name + "_norm.bias", {outputs}});
  };
  layer("text_projection", text_width, width);
  layer("vision_projection", vision_width, width);
  if (config.cross_attention) {
    shapes.push_back({"cross_attention.in_proj_weight", {3 * width, width}});
    shapes.push_back({"cross_attention.in_proj_bias", {3 * width}});
    shapes.push_back({"cross_attention.out_proj.weight", {width, width}});
    shapes.push_back({"cross_attention.out_proj.bias", {width}});
  }
  layer("fusion_up", 2 * width, inner);
  layer("fusion_down", inner, width);
  return shapes;
}

// Weights uniform within 1/sqrt(inputs), norms 1, biases 0: the same on every machine.
TensorMap drawn_heads(const Shapes& shapes, uint64_t seed) {
  TensorMap heads;
  for (size_t i = 0; i < shapes.size(); ++i) {
    const auto& [name, shape] = shapes[i];
    if (shape.size() == 1) {
      heads.set(name, name.ends_with("norm.weight") ? at::ones(shape) : at::zeros(shape));
      continue;
    }
    const at::Tensor weight = at::empty(shape);
    Rng random(mix_seed(seed, i));
    const double most = 1 / std::sqrt(static_cast<double>(shape[1]));
    auto* values = weight.mutable_data_ptr<float>();
    for (int64_t k = 0; k < weight.numel(); ++k)
      values[k] = static_cast<float>((2 * random.uniform() - 1) * most);
    heads.set(name, weight);
  }
  return heads;
}

HfWeights head_weights(const TwoTowerConfig& config, const Shapes& shapes) {
  const std::string file = config.folder + "/heads.safetensors";
  if (std::filesystem::exists(file)) return {file, read_safetensors(file).tensors};
  log_warning(text(config.folder,
                   " has no heads.safetensors: its projections and fusion are untrained, drawn",
                   " from seed ", config.seed));
  return {file, drawn_heads(shapes, config.seed)};
}

int64_t input_width(const TwoTowerConfig& config, const std::string& tower, int64_t width, int64_t pooled) {
  if (config.kind->pools_by_mean || pooled == width) return width;
  throw usage_error({tower, "does not fit an encoder of this kind", text("a pooled output of ", width),
                     pooled == 0 ? "none" : std::to_string(pooled),
                     "its tokens and its pooled output share a projection"});
}

}  // namespace

bool is_two_tower_folder(const std::string& folder) {
  return std::filesystem::exists(folder + "/encoder.json");
}

TwoTowerConfig::TwoTowerConfig(const std::string& folder) : folder(folder) {
  const HfConfig config(folder + "/encoder.json");
  config.expect_known({"kind", "text", "vision", "width", "heads", "cross_attention", "seed", "prompts"});
  kind = kind_of(config);
  text = folder + "/" + config.word("text");
  vision = folder + "/" + config.word("vision");
  width = config.size("width", width);
  cross_attention = config.flag("cross_attention", kind->cross_attention);
  heads = config.size("heads", heads);
  if (cross_attention && width % heads != 0) config.refuse("heads", "a divisor of width");
  seed = static_cast<uint64_t>(config.integer("seed", 0));
  if (config.has("prompts")) {
    const HfConfig named = config.section("prompts");
    for (const std::string& name : named.fields()) prompts[name] = named.word(name);
  } else if (kind->query != nullptr) {
    prompts = {{"query", kind->query}, {"passage", kind->passage}};
  }
}

TwoTowerHeads::TwoTowerHeads(const TwoTowerConfig& config, const TextTower& text, const VisionTower& vision)
    : kind_(config.kind), width_(config.width), heads_(config.heads) {
  const int64_t text_width = input_width(config, config.text, text.width(), text.pooled_width()),
                vision_width =
                    input_width(config, config.vision, vision.width(), vision.pools() ? vision.width() : 0),
                inner = kind_->fusion_widths * width_;
  HfWeights weights = head_weights(config, head_shapes(config, text_width, vision_width));
  const WeightScope all(weights, "");
  text_ = read_layer(all, "text_projection", text_width, width_, kind_->projected);
  vision_ = read_layer(all, "vision_projection", vision_width, width_, kind_->projected);
  fusion_up_ = read_layer(all, "fusion_up", 2 * width_, inner, kind_->fused);
  fusion_down_ = read_layer(all, "fusion_down", inner, width_, Activation::kNone);
  if (config.cross_attention) {
    const WeightScope own = all.in("cross_attention");
    const auto rows = own.take("in_proj_weight", {3 * width_, width_}).split({width_, 2 * width_});
    const auto biases = own.take("in_proj_bias", {3 * width_}).split({width_, 2 * width_});
    query_ = register_module("query", std::make_shared<Linear>(rows[0], biases[0]));
    key_value_ = register_module("key_value", std::make_shared<Linear>(rows[1], biases[1]));
    out_ = register_module("out", read_linear(own, "out_proj", width_, width_));
  }
  weights.expect_all_taken({});
}

TwoTowerHeads::Layer TwoTowerHeads::read_layer(const WeightScope& weights, const std::string& name,
                                               int64_t inputs, int64_t outputs, Activation activation) {
  Layer layer;
  layer.linear = register_module(name, read_linear(weights, name, inputs, outputs));
  layer.activation = activation;
  if (!kind_->norms) return layer;
  layer.norm = register_module(name + "_norm",
                               std::make_shared<LayerNorm>(weights.in(name + "_norm"), outputs, kNormEps));
  return layer;
}

at::Tensor TwoTowerHeads::Layer::forward(const at::Tensor& x) const {
  if (norm == nullptr) return linear->forward(x, activation);
  return activated(norm->forward(linear->forward(x)), activation);
}

at::Tensor TwoTowerHeads::texts(const TowerOutput& text, const at::Tensor& counts, bool each) const {
  const at::Tensor pooled = each                   ? text.hidden
                            : kind_->pools_by_mean ? masked_mean(text.hidden, counts)
                                                   : text.pooled;
  return l2_normalized(text_.forward(pooled));
}

at::Tensor TwoTowerHeads::images(const TowerOutput& image, bool each) const {
  const at::Tensor pooled = each ? image.hidden : kind_->pools_by_mean ? image.hidden.mean(1) : image.pooled;
  return l2_normalized(vision_.forward(pooled));
}

// tokens [B,L,W] look at patches [B,P,W] -> [B,L,W]
at::Tensor TwoTowerHeads::attend(const at::Tensor& tokens, const at::Tensor& patches) const {
  const at::Tensor query = query_->forward(tokens).unflatten(-1, {heads_, -1}).transpose(1, 2);
  const auto seen = key_value_->forward(patches).unflatten(-1, {2, heads_, -1}).permute({2, 0, 3, 1, 4});
  const at::Tensor mixed = at::scaled_dot_product_attention(query, seen.select(0, 0), seen.select(0, 1));
  return tokens + out_->forward(mixed.transpose(1, 2).flatten(2));
}

at::Tensor TwoTowerHeads::pairs(const TowerOutput& text, const at::Tensor& counts, const TowerOutput& image,
                                bool each) const {
  at::Tensor left, right = images(image, false);
  if (query_ != nullptr) {
    left = attend(texts(text, counts, true), images(image, true));
    if (!each) left = masked_mean(left, counts);
  } else {
    left = texts(text, counts, each);
  }
  if (each) right = right.unsqueeze(1).expand_as(left);
  return l2_normalized(fusion_down_.forward(fusion_up_.forward(at::cat({left, right}, -1))));
}

}  // namespace athanor
