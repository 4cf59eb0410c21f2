// Augmentation of labelled images: input `image` uint8 [B,3,H,W] and, where the data has it, label `mask`
// uint8 [B,H,W]. Operations draw what each sample goes through; src/ops/augment.h does it in one pass. A
// batch on a GPU is augmented on the CPU and sent back, unless the GPU kernels are built.
#include <ATen/Parallel.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>

#include "data/augment/augmentation.h"
#include "data/augment/operation.h"
#include "src/core/error.h"
#include "src/core/text.h"
#include "src/core/thread_pool.h"

namespace athanor {
namespace {

struct ImagesConfig : ConfigStruct {
  std::string policy = "standard";
  int64_t strong_from_epoch = 50;
  int64_t height = 0, width = 0;
  std::string border = "constant";
  std::vector<int64_t> fill = {0, 0, 0};
  int64_t mask_fill = -1;
  int64_t threads = 0;

  void list_fields(Fields& fields) override {
    fields.field("policy", policy, "a named list of operations", one_of(policy_names()));
    fields.field("strong_from_epoch", strong_from_epoch,
                 "of policy progressive: minimal before, strong from it on", kNonNegative);
    fields.field("height", height, "of what training sees, pixels; 0: as the data", between(0, kLargestSide));
    fields.field("width", width, "of what training sees, pixels; 0: as the data", between(0, kLargestSide));
    fields.field("border", border,
                 "what lies outside a picture: the colour `fill`, its edge or its mirror image",
                 one_of({"constant", "replicate", "reflect"}));
    fields.field("fill", fill, "red, green, blue outside the picture, with border constant", between(0, 255));
    fields.field(
        "mask_fill", mask_fill,
        "class outside the picture, with border constant; -1: the ignored one, or 0 where there is none",
        between(-1, 255));
    fields.field("threads", threads, "that augment on the CPU; 0: as many as LibTorch uses", kNonNegative);
  }
};

AugmentRule rule_of(const ImagesConfig& config, const DataSpec& spec) {
  AugmentRule rule;
  rule.border = config.border == "constant"    ? Border::kConstant
                : config.border == "replicate" ? Border::kReplicate
                                               : Border::kReflect;
  if (config.fill.size() != 3)
    throw usage_error({"augment.fill", "wrong length", "red, green, blue",
                       text(config.fill.size(), " values"), "e.g. [124, 116, 104]"});
  const int64_t mask_fill =
      config.mask_fill >= 0 ? config.mask_fill : std::max<int64_t>(0, spec.ignore_index);
  rule.mask_fill = static_cast<uint8_t>(mask_fill);
  const at::Tensor* mean = spec.constants.find("mean/image");
  const at::Tensor* std = spec.constants.find("std/image");
  for (int c = 0; c < 3; ++c) {
    rule.fill[c] = static_cast<uint8_t>(config.fill[static_cast<size_t>(c)]);
    if (mean != nullptr) rule.mean[c] = (*mean)[c].item<float>();
    if (std != nullptr) rule.std[c] = (*std)[c].item<float>();
  }
  return rule;
}

void check_spec(const DataSpec& spec) {
  const TensorSpec* image = spec.find_input("image");
  if (image == nullptr || image->dtype != at::kByte || image->shape.size() != 3 || image->shape[0] != 3)
    throw usage_error({"augment.name: images", "the data has no pictures", "input image uint8 [3,H,W]",
                       image == nullptr ? "none" : shape_text(image->shape), "augment.name=none"});
  for (const int64_t side : {image->shape[1], image->shape[2]})
    if (side > kLargestSide)
      throw usage_error({"augment.name: images", "pictures are too large",
                         text("sides of at most ", kLargestSide, " pixels"), std::to_string(side), ""});
  const TensorSpec* mask = spec.find_label("mask");
  if (mask != nullptr && (mask->dtype != at::kByte || mask->shape.size() != 2))
    throw usage_error(
        {"augment.name: images", "wrong mask", "label mask uint8 [H,W]", shape_text(mask->shape), ""});
}

class Images : public Augmentation {
 public:
  Images(const ImagesConfig& config, const DataSpec& spec)
      : config_(config),
        rule_(rule_of(config, spec)),
        operations_(policy_operations(config.policy, config.strong_from_epoch)) {
    check_spec(spec);
  }

  Batch apply(const Batch& batch, uint64_t seed, int64_t epoch) const override {
    const at::Tensor& given = batch.inputs.at("image");
    const at::Tensor image = given.cpu().contiguous();
    const at::Tensor* given_mask = batch.labels.find("mask");
    const at::Tensor mask = given_mask != nullptr ? given_mask->cpu().contiguous() : at::Tensor();
    const SampleChange unchanged = unchanged_sample(image.size(2), image.size(3));
    std::vector<PictureChange> changes;
    for (int64_t i = 0; i < batch.size; ++i)
      changes.push_back(
          flattened(operations_.draw(seed, epoch, batch.samples.at(static_cast<size_t>(i)), unchanged)));
    at::Tensor out = at::empty({batch.size, 3, unchanged.out_height, unchanged.out_width}, at::kFloat);
    at::Tensor out_mask;
    if (mask.defined())
      out_mask = at::empty({batch.size, unchanged.out_height, unchanged.out_width}, at::kByte);
    augment_images({.shape = {batch.size, image.size(2), image.size(3), out.size(2), out.size(3)},
                    .image = image.const_data_ptr<uint8_t>(),
                    .mask = mask.defined() ? mask.const_data_ptr<uint8_t>() : nullptr,
                    .changes = changes.data(),
                    .out_image = out.mutable_data_ptr<float>(),
                    .out_mask = mask.defined() ? out_mask.mutable_data_ptr<uint8_t>() : nullptr},
                   rule_, pool());
    Batch augmented = batch;
    augmented.inputs.set("image", out.to(given.device()));
    if (mask.defined()) augmented.labels.set("mask", out_mask.to(given.device()));
    return augmented;
  }

  std::string describe(int64_t epoch) const override { return operations_.describe(epoch); }

 private:
  SampleChange unchanged_sample(int64_t height, int64_t width) const {
    SampleChange unchanged;
    unchanged.height = height;
    unchanged.width = width;
    unchanged.out_height = config_.height > 0 ? config_.height : height;
    unchanged.out_width = config_.width > 0 ? config_.width : width;
    unchanged.crop = {0, 0, static_cast<double>(width), static_cast<double>(height)};
    return unchanged;
  }

  // The crop as the outermost map: it picks the output's pixels out of the changed picture.
  static PictureChange flattened(const SampleChange& change) {
    PictureChange picture = change.picture;
    const double sx = change.crop.width / static_cast<double>(change.out_width),
                 sy = change.crop.height / static_cast<double>(change.out_height);
    picture.map =
        compose(picture.map,
                {.xx = sx, .x0 = change.crop.x + sx / 2 - 0.5, .yy = sy, .y0 = change.crop.y + sy / 2 - 0.5});
    return picture;
  }

  ThreadPool& pool() const {
    if (pool_ == nullptr)
      pool_ = std::make_unique<ThreadPool>(
          static_cast<int>(config_.threads > 0 ? config_.threads : at::get_num_threads()) - 1);
    return *pool_;
  }

  ImagesConfig config_;
  AugmentRule rule_;
  OperationList operations_;
  mutable std::unique_ptr<ThreadPool> pool_;  // made at the first batch, once LibTorch's threads are set
};

}  // namespace

AugmentationComponent make_images_augmentation() {
  return component<ImagesConfig, Augmentation, const DataSpec&>(
      "images", "pictures and their masks: a list of operations, drawn for each sample, in one pass",
      [](const ImagesConfig& config, const DataSpec& spec) {
        return std::make_unique<Images>(config, spec);
      });
}

}  // namespace athanor
