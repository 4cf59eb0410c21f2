// Augmentation of labelled images: input `image` uint8 [B,3,H,W] and, where the data has it, label `mask`
// uint8 [B,H,W]. Operations draw what each sample goes through; src/ops/augment.h does it in one pass, then
// partners are mixed in (data/augment/mix.h). A batch on a GPU is augmented there, or on the CPU and sent
// back where the GPU library is not there.
#include <ATen/Parallel.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "data/augment/augmentation.h"
#include "data/augment/gpu_pass.h"
#include "data/augment/mix.h"
#include "data/augment/operation.h"
#include "src/core/error.h"
#include "src/core/log.h"
#include "src/core/text.h"
#include "src/core/thread_pool.h"
#include "src/ops/cuda/augment_cuda.h"
#include "src/ops/soft_mask.h"

namespace athanor {
namespace {

std::vector<std::string> policy_choices() {
  std::vector<std::string> names = policy_names();
  names.insert(names.begin(), "auto");
  return names;
}

struct ImagesConfig : ConfigStruct {
  std::string policy = "auto";
  int64_t strong_from_epoch = 50;
  OperationChoices operations{operation_components()};
  int64_t height = 0, width = 0;
  std::string border = "constant";
  std::vector<int64_t> fill = {0, 0, 0};
  int64_t mask_fill = -1;
  std::string masks = "nearest";
  std::string precision = "fp32";
  int64_t threads = 0;

  void list_fields(Fields& fields) override {
    fields.field(
        "policy", policy,
        "a named list of operations, before those of `operations`; auto: standard where `operations` is "
        "empty, else none",
        one_of(policy_choices()));
    fields.field("strong_from_epoch", strong_from_epoch,
                 "of policy progressive: minimal before, strong from it on; counted from 0", kNonNegative);
    fields.choices("operations", operations, "what a sample goes through, in this order");
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
    fields.field("masks", masks,
                 "what the mask becomes where the map falls between pixels: the nearest one's class, or the "
                 "four around it by their bilinear shares",
                 one_of({"nearest", "soft"}));
    fields.field("precision", precision, "of what the model gets", one_of({"fp32", "bf16"}));
    fields.field("threads", threads, "that augment on the CPU; 0: as many as LibTorch uses", kNonNegative);
  }
};

OperationList operations_of(const ImagesConfig& config) {
  OperationChoices all(operation_components());
  const bool standard = config.policy == "auto" && config.operations.size() == 0;
  if (config.policy != "auto" || standard)
    add_policy(all, standard ? "standard" : config.policy, config.strong_from_epoch);
  for (const OperationChoice& choice : config.operations.choices()) all.add() = choice;
  return OperationList(all);
}

AugmentRule rule_of(const ImagesConfig& config, const DataSpec& spec) {
  AugmentRule rule;
  rule.border = config.border == "constant"    ? Border::kConstant
                : config.border == "replicate" ? Border::kReplicate
                                               : Border::kReflect;
  if (config.fill.size() != 3)
    throw usage_error({"augment.fill", "wrong length", "red, green, blue",
                       text(config.fill.size(), " values"), "e.g. [124, 116, 104]"});
  rule.mask_fill = static_cast<uint8_t>(config.mask_fill >= 0 ? config.mask_fill
                                                              : std::max<int64_t>(0, spec.ignore_index));
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

// What each id of a mask becomes in a mirror.
using MirrorTable = std::array<uint8_t, 256>;

MirrorTable mirror_table(const DataSpec& spec, const AugmentRule& rule) {
  MirrorTable table{};
  for (size_t id = 0; id < table.size(); ++id) table[id] = static_cast<uint8_t>(id);
  for (size_t id = 0; id < std::min(table.size(), spec.class_mirrors.size()); ++id)
    table[id] = static_cast<uint8_t>(spec.class_mirrors[id]);
  if (table[rule.mask_fill] != rule.mask_fill)
    throw usage_error(
        {"augment.mask_fill", "changes in a mirror", "a class that is its own mirror image",
         text("class ", rule.mask_fill + 0, ", whose mirror image is ", table[rule.mask_fill] + 0), ""});
  return table;
}

void check_operations(const ImagesConfig& config, const OperationList& operations, const DataSpec& spec) {
  if (operations.mixes() && spec.find_label("mask") == nullptr)
    throw usage_error({"augment.operations", "mixup and cutmix want masks", "label mask uint8 [H,W]", "none",
                       "leave them out"});
  if (config.masks == "soft" && spec.find_label("mask") == nullptr)
    throw usage_error(
        {"augment.masks: soft", "wants masks", "label mask uint8 [H,W]", "none", "augment.masks=nearest"});
  for (const OperationChoice& choice : config.operations.choices())
    if (choice.name() == "crop" && config.height == 0 && config.width == 0)
      throw usage_error({"augment.operations: crop", "has no size", "augment.height or augment.width above 0",
                         "both 0", ""});
}

using Pictures = DevicePictures;

class Images : public Augmentation {
 public:
  Images(const ImagesConfig& config, const DataSpec& spec)
      : config_(config), rule_(rule_of(config, spec)), operations_(operations_of(config)) {
    check_spec(spec);
    check_operations(config, operations_, spec);
    mirror_ = mirror_table(spec, rule_);
    rule_.class_mirror = mirror_.data();
  }

  Batch apply(const Batch& batch, uint64_t seed, int64_t epoch) const override {
    const at::Tensor& given = batch.inputs.at("image");
    const at::Tensor* mask = batch.labels.find("mask");
    const SampleChange unchanged = unchanged_sample(given.size(2), given.size(3));
    std::vector<SampleChange> changes;
    for (int64_t i = 0; i < batch.size; ++i)
      changes.push_back(operations_.draw(seed, epoch, batch.samples.at(static_cast<size_t>(i)), unchanged));
    const at::Device device = on_gpu(given) ? given.device() : at::kCPU;
    Pictures out = changed(
        {given.to(device).contiguous(), mask != nullptr ? mask->to(device).contiguous() : at::Tensor()},
        changes);
    Batch augmented = batch;
    MaskTarget target;
    if (config_.masks == "soft") target = soft_target(*mask, changes, out.mask.device());
    if (operations_.mixes()) target = mix_partners(changes, out.image, out.mask, target);
    if (target.layers.defined()) {
      augmented.labels.set("mask_layers", target.layers.to(given.device()));
      augmented.labels.set("mask_shares", target.shares.to(given.device()));
    }
    augmented.inputs.set("image", out.image.to(given.device()));
    if (mask != nullptr) augmented.labels.set("mask", out.mask.to(given.device()));
    return augmented;
  }

  std::string describe(int64_t epoch) const override {
    std::string said = operations_.describe(epoch);
    if (config_.height > 0 || config_.width > 0)
      said += text("; to ", config_.width > 0 ? std::to_string(config_.width) : "the data's", " x ",
                   config_.height > 0 ? std::to_string(config_.height) : "the data's", " pixels");
    if (config_.masks == "soft") said += "; soft masks";
    return config_.precision == "fp32" ? said : said + "; in " + config_.precision;
  }

  std::string describe_sample(uint64_t seed, int64_t epoch, int64_t sample) const override {
    return join(operations_.drawn_names(seed, epoch, sample), ", ");
  }

 private:
  Pictures changed(const Pictures& in, const std::vector<SampleChange>& changes) const {
    std::vector<PictureChange> pictures;
    pictures.reserve(changes.size());
    for (const SampleChange& change : changes) pictures.push_back(flattened(change));
    const int64_t batch = in.image.size(0), height = in.image.size(2), width = in.image.size(3);
    const SampleChange unchanged = unchanged_sample(height, width);
    const bool bf16 = config_.precision == "bf16";
    const AugmentShape shape = {batch, height, width, unchanged.out_height, unchanged.out_width};
    if (!in.image.is_cpu())
      return augment_on_device(*library_, in, pictures, shape, rule_, bf16 ? at::kBFloat16 : at::kFloat);
    Pictures out;
    out.image =
        at::empty({batch, 3, unchanged.out_height, unchanged.out_width}, bf16 ? at::kBFloat16 : at::kFloat);
    if (in.mask.defined())
      out.mask = at::empty({batch, unchanged.out_height, unchanged.out_width}, at::kByte);
    augment_images({.shape = shape,
                    .image = in.image.const_data_ptr<uint8_t>(),
                    .mask = in.mask.defined() ? in.mask.const_data_ptr<uint8_t>() : nullptr,
                    .changes = pictures.data(),
                    .out_image = out.image.mutable_data_ptr(),
                    .out_mask = in.mask.defined() ? out.mask.mutable_data_ptr<uint8_t>() : nullptr,
                    .out_type = bf16 ? PixelType::kBFloat16 : PixelType::kFloat32},
                   rule_, pool());
    return out;
  }

  // mask [B,H,W] as the data gives it; found on the CPU wherever the batch is.
  MaskTarget soft_target(const at::Tensor& mask, const std::vector<SampleChange>& changes,
                         const at::Device& device) const {
    const at::Tensor ids = mask.cpu().contiguous();
    const SampleChange unchanged = unchanged_sample(ids.size(1), ids.size(2));
    std::vector<PictureChange> pictures;
    pictures.reserve(changes.size());
    for (const SampleChange& change : changes) pictures.push_back(flattened(change));
    const std::vector<int64_t> size = {ids.size(0), kSoftLayers, unchanged.out_height, unchanged.out_width};
    const at::Tensor layers = at::empty(size, at::kByte), shares = at::empty(size, at::kFloat);
    soft_masks({.shape = {size[0], ids.size(1), ids.size(2), size[2], size[3]},
                .mask = ids.const_data_ptr<uint8_t>(),
                .changes = pictures.data(),
                .layers = layers.mutable_data_ptr<uint8_t>(),
                .shares = shares.mutable_data_ptr<float>()},
               rule_, pool());
    return {layers.to(device), shares.to(device)};
  }

  bool on_gpu(const at::Tensor& image) const {
    if (!image.is_cuda()) return false;
    std::string why_not;
    library_ = find_cuda_augment(why_not);
    if (library_ == nullptr && !std::exchange(told_, true))
      log_warning(text("augmentation runs on the CPU, and batches go there and back: ", why_not));
    return library_ != nullptr;
  }

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
    picture.hue_turns -= std::round(picture.hue_turns);
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
  MirrorTable mirror_{};
  mutable const CudaAugmentLibrary* library_ = nullptr;
  mutable bool told_ = false;                 // that it is not there
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
