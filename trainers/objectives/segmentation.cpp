// The loss of masks: cross entropy of each pixel, or its focal form (Lin et al. 2017), plus dice_weight times
// (1 - mean Dice), with the soft Dice of Milletari et al. 2016 (sums of p and y, not of their squares) of
// each class over all pixels of the batch. Pixels of the ignored class count nowhere. A pixel of several
// classes (labels `mask_layers` and `mask_shares`) counts as that many, one of each class, by their shares.
// Over a batch learned from in pieces, or accumulated ones, the pieces' losses are averaged.
#include "src/core/error.h"
#include "src/core/text.h"
#include "trainers/objective.h"
#include "trainers/objectives/mask_loss.h"

namespace athanor {
namespace {

struct Config : ConfigStruct {
  MaskLossRule rule;
  void list_fields(Fields& fields) override {
    fields.field("cross_entropy_weight", rule.cross_entropy_weight, "of the mean cross entropy of the pixels",
                 kNonNegative);
    fields.field("dice_weight", rule.dice_weight, "of 1 - mean Dice", kNonNegative);
    fields.field("dice_smooth", rule.dice_smooth, "added to numerator and denominator of each class's Dice",
                 kPositive);
    fields.field("focal_gamma", rule.focal_gamma,
                 "pixels count (1-p)^gamma in the cross entropy (focal loss); 0: all alike", kNonNegative);
    fields.field("class_weights", rule.class_weights, "of each class in the cross entropy; empty: all 1",
                 kNonNegative);
  }
};

void check_masks(const at::Tensor& logits, const at::Tensor& mask) {
  if (logits.dim() != 4 || mask.dim() != 3 || logits.size(0) != mask.size(0) ||
      logits.size(2) != mask.size(1) || logits.size(3) != mask.size(2))
    throw Error({.where = "output 'logits'",
                 .what = "not logits for these masks",
                 .expected = "[B,C,H,W] and masks [B,H,W]",
                 .got = shape_text(logits.sizes().vec()) + " and " + shape_text(mask.sizes().vec())});
}

// The layers that blended or interpolated masks have.
void check_layers(const at::Tensor& mask, const at::Tensor& layers, const at::Tensor& shares) {
  const auto is_of = [&](const at::Tensor& given, int64_t height, int64_t width) {
    return given.dim() == 4 && given.size(0) == mask.size(0) && given.size(2) == height &&
           given.size(3) == width;
  };
  const bool fit = is_of(layers, mask.size(1), mask.size(2)) &&
                   (is_of(shares, mask.size(1), mask.size(2)) || is_of(shares, 1, 1)) &&
                   shares.size(1) == layers.size(1);
  if (!fit)
    throw Error({.where = "labels 'mask_layers' and 'mask_shares'",
                 .what = "not layers of the mask",
                 .expected = "[B,N,H,W], and shares of that or [B,N,1,1], of a mask " +
                             shape_text(mask.sizes().vec()),
                 .got = shape_text(layers.sizes().vec()) + " and " + shape_text(shares.sizes().vec())});
}

// Costs a pass over the mask, and would wait for a GPU: on a CPU only.
void check_classes(const at::Tensor& mask, int64_t classes, int64_t ignore, const std::string& label) {
  if (!mask.is_cpu() || mask.numel() == 0) return;
  const auto largest = [](const at::Tensor& ids) { return ids.max().item<int64_t>(); };
  int64_t found = largest(mask);
  if (found == ignore) found = largest(mask.masked_fill(mask.eq(ignore), 0));
  if (found >= classes)
    throw Error({.where = "label '" + label + "'",
                 .what = "a class is out of range",
                 .expected = text("0 to ", classes - 1),
                 .got = text(found),
                 .hint = "name every class in the data's config, or its ignore_index"});
}

class Segmentation : public Objective {
 public:
  Segmentation(const Config& config, const DataSpec& spec) : rule_(config.rule) {
    rule_.ignore = spec.ignore_index;
    if (!spec.class_names.empty()) check_weights(spec.class_names.size());
  }

  // outputs logits [B,C,H,W] f32; labels mask [B,H,W] u8 and, of pixels of several classes, mask_layers
  // [B,N,H,W] u8 with mask_shares f32 [B,N,H,W] or [B,N,1,1], which are then learned from in its place.
  Loss compute(const TensorMap& outputs, const TensorMap& labels) const override {
    const at::Tensor& logits = outputs.at("logits");
    MaskLabels masks{.mask = labels.at("mask")};
    check_masks(logits, masks.mask);
    if (const at::Tensor* layers = labels.find("mask_layers")) {
      masks.layers = *layers;
      masks.shares = labels.at("mask_shares");
      check_layers(masks.mask, masks.layers, masks.shares);
      check_classes(masks.layers, logits.size(1), rule_.ignore, "mask_layers");
    } else {
      check_classes(masks.mask, logits.size(1), rule_.ignore, "mask");
    }
    check_weights(static_cast<size_t>(logits.size(1)));
    const MaskLoss loss = mask_loss(logits, masks, rule_);
    return {loss.total,
            {{rule_.focal_gamma > 0 ? "focal" : "cross_entropy", loss.entropy}, {"dice", loss.dice_loss}}};
  }
  std::vector<std::string> needed_outputs() const override { return {"logits"}; }
  std::vector<std::string> needed_labels() const override { return {"mask"}; }

 private:
  void check_weights(size_t classes) const {
    if (!rule_.class_weights.empty() && rule_.class_weights.size() != classes)
      throw usage_error({.where = "objective.class_weights",
                         .what = "one weight a class",
                         .expected = text(classes),
                         .got = text(rule_.class_weights.size())});
  }

  MaskLossRule rule_;
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
