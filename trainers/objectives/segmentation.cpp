// The loss of masks: cross entropy of each pixel, or its focal form (Lin et al. 2017), plus dice_weight times
// (1 - mean Dice), with the soft Dice of Milletari et al. 2016 (sums of p and y, not of their squares) of
// each class over all pixels of the batch. Pixels of the ignored class count nowhere. A pixel of two blended
// images (label `mix_mask`) counts as two, one of each image's class, by their shares. Over a batch learned
// from in pieces, or accumulated ones, the pieces' losses are averaged.
#include <ATen/TensorOperators.h>
#include <ATen/ops/log_softmax.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include "src/core/error.h"
#include "src/core/text.h"
#include "trainers/objective.h"

namespace athanor {
namespace {

struct Config : ConfigStruct {
  double cross_entropy_weight = 1;
  double dice_weight = 1.5;
  double dice_smooth = 1;
  double focal_gamma = 0;
  std::vector<double> class_weights;
  void list_fields(Fields& fields) override {
    fields.field("cross_entropy_weight", cross_entropy_weight, "of the mean cross entropy of the pixels",
                 kNonNegative);
    fields.field("dice_weight", dice_weight, "of 1 - mean Dice", kNonNegative);
    fields.field("dice_smooth", dice_smooth, "added to numerator and denominator of each class's Dice",
                 kPositive);
    fields.field("focal_gamma", focal_gamma,
                 "pixels count (1-p)^gamma in the cross entropy (focal loss); 0: all alike", kNonNegative);
    fields.field("class_weights", class_weights, "of each class in the cross entropy; empty: all 1",
                 kNonNegative);
  }
};

// One class of each pixel, and how much of the pixel it is: 0 where ignored.
struct Truth {
  at::Tensor classes;  // [P] i64, in range everywhere
  at::Tensor share;    // [P] f32
};

class Segmentation : public Objective {
 public:
  Segmentation(const Config& config, const DataSpec& spec) : config_(config), ignore_(spec.ignore_index) {
    const auto given = static_cast<int64_t>(config.class_weights.size());
    const auto classes = static_cast<int64_t>(spec.class_names.size());
    if (given > 0 && classes > 0 && given != classes)
      throw usage_error({.where = "objective.class_weights",
                         .what = "one weight a class",
                         .expected = text(classes),
                         .got = text(given)});
  }

  // outputs logits [B,C,H,W] f32; labels mask [B,H,W] u8 and, of blended images, mix_mask [B,H,W] u8 with
  // mix_share [B] f32, how much of each sample it is.
  Loss compute(const TensorMap& outputs, const TensorMap& labels) const override {
    const at::Tensor& logits = outputs.at("logits");
    const int64_t classes = logits.size(1);
    const std::vector<Truth> truths = truths_of(logits, labels);
    const at::Tensor logs = at::log_softmax(logits.permute({0, 2, 3, 1}).reshape({-1, classes}), 1);
    const at::Tensor entropy = cross_entropy(logs, truths);
    const at::Tensor dice_loss = 1 - mean_dice(logs.exp(), truths);
    return {config_.cross_entropy_weight * entropy + config_.dice_weight * dice_loss,
            {{config_.focal_gamma > 0 ? "focal" : "cross_entropy", entropy.detach()},
             {"dice", dice_loss.detach()}}};
  }
  std::vector<std::string> needed_outputs() const override { return {"logits"}; }
  std::vector<std::string> needed_labels() const override { return {"mask"}; }

 private:
  std::vector<Truth> truths_of(const at::Tensor& logits, const TensorMap& labels) const {
    std::vector<Truth> truths{truth_of(logits, labels.at("mask"), "mask")};
    const at::Tensor* mixed = labels.find("mix_mask");
    if (mixed == nullptr) return truths;
    truths.push_back(truth_of(logits, *mixed, "mix_mask"));
    const at::Tensor share = labels.at("mix_share").view({-1, 1, 1}).expand_as(*mixed).reshape({-1});
    truths[0].share = truths[0].share * (1 - share);
    truths[1].share = truths[1].share * share;
    return truths;
  }

  Truth truth_of(const at::Tensor& logits, const at::Tensor& mask, const std::string& label) const {
    if (logits.dim() != 4 || mask.dim() != 3 || logits.size(0) != mask.size(0) ||
        logits.size(2) != mask.size(1) || logits.size(3) != mask.size(2))
      throw Error({.where = "output 'logits'",
                   .what = "not logits for these masks",
                   .expected = "[B,C,H,W] and masks [B,H,W]",
                   .got = shape_text(logits.sizes().vec()) + " and " + shape_text(mask.sizes().vec())});
    Truth truth{mask.reshape({-1}).to(at::kLong), {}};
    if (ignore_ >= 0) {
      const at::Tensor ignored = truth.classes.eq(ignore_);
      truth.share = ignored.logical_not().to(at::kFloat);
      truth.classes = truth.classes.masked_fill(ignored, 0);
    } else {
      truth.share = at::ones({mask.numel()}, mask.options().dtype(at::kFloat));
    }
    if (logits.is_cpu()) check_classes(truth.classes, logits.size(1), label);
    return truth;
  }

  static void check_classes(const at::Tensor& classes, int64_t count, const std::string& label) {
    const int64_t largest = classes.numel() > 0 ? classes.max().item<int64_t>() : 0;
    if (largest >= count)
      throw Error({.where = "label '" + label + "'",
                   .what = "a class is out of range",
                   .expected = text("0 to ", count - 1),
                   .got = text(largest),
                   .hint = "name every class in the data's config, or its ignore_index"});
  }

  // logs [P,C] -> the mean over the pixels that count, by their shares and their classes' weights; 0 where
  // none does.
  at::Tensor cross_entropy(const at::Tensor& logs, const std::vector<Truth>& truths) const {
    at::Tensor weights;
    if (!config_.class_weights.empty())
      weights = at::tensor(config_.class_weights, logs.options().requires_grad(false));
    at::Tensor sum = at::zeros({}, logs.options().requires_grad(false)), total = sum;
    for (const Truth& truth : truths) {
      const at::Tensor picked = logs.gather(1, truth.classes.unsqueeze(1)).squeeze(1);
      at::Tensor weight = truth.share;
      if (weights.defined()) weight = weight * weights.index_select(0, truth.classes);
      total = total + weight.sum();
      if (config_.focal_gamma > 0) weight = weight * (1 - picked.exp()).pow(config_.focal_gamma);
      sum = sum - (weight * picked).sum();
    }
    return sum / total.clamp_min(1e-12);
  }

  // p [P,C] -> the mean over the classes.
  at::Tensor mean_dice(const at::Tensor& p, const std::vector<Truth>& truths) const {
    const at::Tensor zeros = at::zeros({p.size(1)}, p.options().requires_grad(false));
    at::Tensor both = zeros, truth_sum = zeros, counted;
    for (const Truth& truth : truths) {
      const at::Tensor picked = p.gather(1, truth.classes.unsqueeze(1)).squeeze(1);
      both = both.index_add(0, truth.classes, picked * truth.share);
      truth_sum = truth_sum.index_add(0, truth.classes, truth.share);
      counted = counted.defined() ? counted + truth.share : truth.share;
    }
    const at::Tensor said = (p * counted.unsqueeze(1)).sum(0);
    return ((2 * both + config_.dice_smooth) / (said + truth_sum + config_.dice_smooth)).mean();
  }

  Config config_;
  int64_t ignore_;
};

}  // namespace

ObjectiveComponent make_segmentation() {
  return component<Config, Objective, const DataSpec&>("segmentation",
                                                       "cross entropy and Dice of each pixel's class",
                                                       [](const Config& config, const DataSpec& spec) {
                                                         return std::make_unique<Segmentation>(config, spec);
                                                       });
}

}  // namespace athanor
