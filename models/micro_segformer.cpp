// MicroSegFormer: a SegFormer (Xie et al. 2021) of 1.7 million parameters for face parsing, with the source
// project's sizes and its LMSA block (depthwise 3x3, 1x1, BatchNorm, squeeze-excite, added to its input).
// Linear maps change places with bilinear resizing where the result is the same: the decoder mixes each stage
// at its own size, and classes are told apart before the last enlargement. Left out: several heads, dropout.
#include <ATen/ops/gelu.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/relu.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/upsample_bilinear2d.h>
#include <ATen/ops/zeros.h>
#include <torch/nn/modules/batchnorm.h>

#include "models/input_spec.h"
#include "models/layers/segformer.h"
#include "models/module_model.h"
#include "src/core/error.h"
#include "src/core/text.h"

namespace athanor {
namespace {

constexpr int64_t kShrink = 32;  // from the image to the last stage

struct MicroSegformerConfig : ConfigStruct {
  std::vector<int64_t> widths = {32, 64, 128, 192};
  std::vector<int64_t> depths = {1, 2, 2, 2};
  std::vector<int64_t> reductions = {8, 4, 2, 1};
  int64_t mlp_ratio = 2;
  int64_t decoder = 128;
  bool use_lmsa = true;

  void list_fields(Fields& fields) override {
    fields.field("widths", widths, "of the four stages, at 1/4, 1/8, 1/16 and 1/32 of the image", kPositive);
    fields.field("depths", depths, "blocks a stage", kPositive);
    fields.field("reductions", reductions, "how much smaller keys and values are, in height and width",
                 kPositive);
    fields.field("mlp_ratio", mlp_ratio, "inner width of a block's MLP over its width", kPositive);
    fields.field("decoder", decoder, "width of the decoder", between(4, 1e5));
    fields.field("use_lmsa", use_lmsa, "the LMSA block behind the decoder");
  }
};

void check(const MicroSegformerConfig& config, const DataSpec& spec) {
  for (const auto* list : {&config.widths, &config.depths, &config.reductions})
    if (list->size() != 4)
      throw usage_error({.where = "model",
                         .what = "widths, depths and reductions have one value a stage",
                         .expected = "4",
                         .got = text(list->size())});
  if (spec.class_names.empty())
    throw usage_error({.where = "model 'micro_segformer'",
                       .what = "the data has no classes",
                       .hint = "use data of images and masks (data.name=image_masks)"});
}

// (x/255 - mean) / std of uint8 images; what is floating point comes normalised.
class PixelScaler : public torch::nn::Module {
 public:
  explicit PixelScaler(const DataSpec& spec) {
    const auto constant = [&](const char* name, const at::Tensor& otherwise) {
      const at::Tensor* given = spec.constants.find(name);
      return (given != nullptr ? given->to(at::kFloat).clone() : otherwise).view({3, 1, 1});
    };
    mean_ = register_buffer("mean", constant("mean/image", at::zeros({3})));
    std_ = register_buffer("std", constant("std/image", at::ones({3})));
  }
  // image [B,3,H,W] u8, or float as normalised -> the same shape, channels last
  at::Tensor forward(const at::Tensor& image) const {
    at::Tensor x = image.contiguous(at::MemoryFormat::ChannelsLast);
    return x.scalar_type() == at::kByte ? (x.to(at::kFloat) / 255 - mean_) / std_ : x;
  }

 private:
  at::Tensor mean_, std_;
};

// x + s * BN(1x1(depthwise 3x3(x))), s from the image's mean by 128 -> 32 -> 128; no biases.
class Lmsa : public torch::nn::Module {
 public:
  explicit Lmsa(int64_t width)
      : depthwise_(torch::nn::Conv2dOptions(width, width, 3).padding(1).groups(width).bias(false)),
        pointwise_(torch::nn::LinearOptions(width, width).bias(false)),
        norm_(width),
        squeeze_(torch::nn::LinearOptions(width, width / 4).bias(false)),
        excite_(torch::nn::LinearOptions(width / 4, width).bias(false)) {
    register_module("depthwise", depthwise_);
    register_module("pointwise", pointwise_);
    register_module("norm", norm_);
    register_module("squeeze", squeeze_);
    register_module("excite", excite_);
  }
  // x [B,H,W,D]
  at::Tensor forward(const at::Tensor& x) {
    const at::Tensor mixed = pointwise_->forward(as_grid(depthwise_->forward(as_image(x))));
    const at::Tensor y = as_grid(norm_->forward(as_image(mixed)));
    const at::Tensor mean = y.mean({1, 2}, /*keepdim=*/true);
    return x + y * at::sigmoid(excite_->forward(at::relu(squeeze_->forward(mean))));
  }

 private:
  torch::nn::Conv2d depthwise_;
  torch::nn::Linear pointwise_;
  torch::nn::BatchNorm2d norm_;
  torch::nn::Linear squeeze_, excite_;
};

class MicroSegformer : public ModuleModel {
 public:
  MicroSegformer(const MicroSegformerConfig& config, const DataSpec& spec) {
    check(config, spec);
    const TensorSpec image = pick_inputs(spec, {"image"}, 3, "micro_segformer").at(0);
    check_shape(image.shape);
    scaler_ = register_module("scaler", std::make_shared<PixelScaler>(spec));
    int64_t channels = 3;
    for (int64_t i = 0; i < 4; ++i) {
      const int64_t width = config.widths[i];
      const SegformerStageOptions stage{.channels = channels,
                                        .width = width,
                                        .depth = config.depths[i],
                                        .reduction = config.reductions[i],
                                        .inner = width * config.mlp_ratio,
                                        .kernel = i == 0 ? 7 : 3,
                                        .stride = i == 0 ? 4 : 2};
      stages_.push_back(register_module(text("stage", i + 1), std::make_shared<SegformerStage>(stage)));
      channels = width;
    }
    for (int64_t i = 0; i < 4; ++i)
      linears_.push_back(
          register_module(text("linear", i + 1), torch::nn::Linear(config.widths[i], config.decoder)));
    fuse1_ = register_module("fuse1", torch::nn::Linear(4 * config.decoder, config.decoder));
    fuse2_ = register_module("fuse2", torch::nn::Linear(config.decoder, config.decoder));
    if (config.use_lmsa) lmsa_ = register_module("lmsa", std::make_shared<Lmsa>(config.decoder));
    head_ = register_module("head",
                            torch::nn::Linear(config.decoder, static_cast<int64_t>(spec.class_names.size())));
  }

  // image [B,3,H,W]: u8, or float as (x/255 - mean)/std -> logits [B,C,H,W], memory order channels last.
  TensorMap forward(const TensorMap& inputs) override {
    const at::Tensor& image = inputs.at("image");
    at::Tensor x = fuse2_->forward(at::gelu(fused(scaler_->forward(image))));
    if (lmsa_ != nullptr) x = lmsa_->forward(x);
    const at::Tensor classes = as_image(head_->forward(x));
    return {{"logits", at::upsample_bilinear2d(classes, {image.size(2), image.size(3)}, false)}};
  }

 private:
  static void check_shape(const std::vector<int64_t>& shape) {
    if (shape[0] != 3 || shape[1] % kShrink != 0 || shape[2] % kShrink != 0)
      throw usage_error({.where = "model 'micro_segformer'",
                         .what = "images of a size that it cannot take",
                         .expected = text("[3,H,W], H and W multiples of ", kShrink),
                         .got = shape_text(shape)});
  }

  // The stages' outputs, each by its linear layer, enlarged to the first one's size, concatenated, by
  // `fuse1`: [B,H/4,W/4,D]. The two linear maps are one matrix a stage, used before the enlargement.
  at::Tensor fused(const at::Tensor& image) {
    const auto parts = fuse1_->weight.chunk(4, 1);
    at::Tensor sum, x = image;
    for (size_t i = 0; i < stages_.size(); ++i) {
      const at::Tensor grid = stages_[i]->forward(x);
      x = as_image(grid);
      const at::Tensor weight = at::matmul(parts[i], linears_[i]->weight);
      at::Tensor bias = at::matmul(parts[i], linears_[i]->bias);
      if (i == 0) bias = bias + fuse1_->bias;
      const at::Tensor mixed = at::linear(grid, weight, bias);
      if (i == 0)
        sum = mixed;
      else
        sum = sum + as_grid(at::upsample_bilinear2d(as_image(mixed), {sum.size(1), sum.size(2)}, false));
    }
    return sum;
  }

  std::shared_ptr<PixelScaler> scaler_;
  std::vector<std::shared_ptr<SegformerStage>> stages_;
  std::vector<torch::nn::Linear> linears_;
  torch::nn::Linear fuse1_{nullptr}, fuse2_{nullptr}, head_{nullptr};
  std::shared_ptr<Lmsa> lmsa_;
};

}  // namespace

ModelComponent make_micro_segformer() {
  return component<MicroSegformerConfig, Model, const DataSpec&>(
      "micro_segformer", "a small SegFormer that gives each pixel's class, for face parsing",
      [](const MicroSegformerConfig& config, const DataSpec& spec) -> std::unique_ptr<Model> {
        return std::make_unique<MicroSegformer>(config, spec);
      });
}

}  // namespace athanor
