#include "trainers/objectives/mask_loss.h"

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/log_softmax.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/scalar_tensor.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>

#include "src/ops/mask_sums.h"

namespace athanor {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// One class of each pixel, and how much of the pixel it is: 0 where ignored.
struct Truth {
  at::Tensor classes;  // [P] i64, in range everywhere
  at::Tensor share;    // [P] f32
};

Truth truth_of(const at::Tensor& mask, int64_t ignore) {
  const at::Tensor ids = mask.reshape({-1}).to(at::kLong), ignored = ids.eq(ignore);
  return {ids.masked_fill(ignored, 0), ignored.logical_not().to(at::kFloat)};
}

std::vector<Truth> truths_of(const MaskLabels& labels, int64_t ignore) {
  if (!labels.layers.defined()) return {truth_of(labels.mask, ignore)};
  std::vector<Truth> truths;
  const at::Tensor shares = labels.shares.to(at::kFloat).expand_as(labels.layers);
  for (int64_t n = 0; n < labels.layers.size(1); ++n) {
    truths.push_back(truth_of(labels.layers.select(1, n), ignore));
    truths.back().share = truths.back().share * shares.select(1, n).reshape({-1});
  }
  return truths;
}

// logs [P,C] -> the mean over the pixels that count, by their shares and their classes' weights.
at::Tensor cross_entropy(const at::Tensor& logs, const std::vector<Truth>& truths, const MaskLossRule& rule) {
  const auto options = logs.options().requires_grad(false);
  at::Tensor weights;
  if (!rule.class_weights.empty()) weights = at::tensor(rule.class_weights, options);
  at::Tensor sum = at::zeros({}, options), total = sum;
  for (const Truth& truth : truths) {
    const at::Tensor picked = logs.gather(1, truth.classes.unsqueeze(1)).squeeze(1);
    at::Tensor weight = truth.share;
    if (weights.defined()) weight = weight * weights.index_select(0, truth.classes);
    total = total + weight.sum();
    if (rule.focal_gamma > 0) weight = weight * (1 - picked.exp()).clamp_min(1e-7).pow(rule.focal_gamma);
    sum = sum - (weight * picked).sum();
  }
  return sum / total.clamp_min(1e-12);
}

// p [P,C] -> the mean over the classes.
at::Tensor mean_dice(const at::Tensor& p, const std::vector<Truth>& truths, double smooth) {
  const at::Tensor zeros = at::zeros({p.size(1)}, p.options().requires_grad(false));
  at::Tensor both = zeros, truth_sum = zeros, counted;
  for (const Truth& truth : truths) {
    const at::Tensor picked = p.gather(1, truth.classes.unsqueeze(1)).squeeze(1);
    both = both.index_add(0, truth.classes, picked * truth.share);
    truth_sum = truth_sum.index_add(0, truth.classes, truth.share.to(p.scalar_type()));
    counted = counted.defined() ? counted + truth.share : truth.share;
  }
  const at::Tensor said = (p * counted.unsqueeze(1)).sum(0);
  return ((2 * both + smooth) / (said + truth_sum + smooth)).mean();
}

// What the fused passes keep between forward and backward, beside the logits.
struct FusedMaskLoss : torch::CustomClassHolder {
  MaskLabels labels;
  MaskLossRule rule;
  std::vector<float> class_weight;
  MaskSums sums;

  MaskPixels pixels(const at::Tensor& logits) const {
    const bool layered = labels.layers.defined();
    const int64_t pixels_a_sample = logits.size(2) * logits.size(3);
    return {.logits = logits.const_data_ptr<float>(),
            .layers = (layered ? labels.layers : labels.mask).const_data_ptr<uint8_t>(),
            .shares = layered ? labels.shares.const_data_ptr<float>() : nullptr,
            .class_weight = class_weight,
            .layer_count = layered ? labels.layers.size(1) : 1,
            .pixels_a_sample = pixels_a_sample,
            .pixels_a_share = layered && labels.shares.numel() < labels.layers.numel() ? pixels_a_sample : 1,
            .classes = logits.size(1),
            .ignore = static_cast<int>(rule.ignore),
            .focal_gamma = static_cast<float>(rule.focal_gamma)};
  }

  double entropy() const { return sums.weight > 0 ? sums.entropy / sums.weight : 0; }
  double dice(size_t k) const {
    return (2 * sums.both[k] + rule.dice_smooth) / (sums.said[k] + sums.truth[k] + rule.dice_smooth);
  }
  double dice_loss() const {
    double sum = 0;
    for (size_t k = 0; k < sums.both.size(); ++k) sum += dice(k);
    return 1 - sum / static_cast<double>(sums.both.size());
  }

  // The derivatives of `scale` times the loss.
  MaskSumsGradient by_sums(double scale) const {
    MaskSumsGradient gradient;
    if (sums.weight > 0)
      gradient.entropy = static_cast<float>(scale * rule.cross_entropy_weight / sums.weight);
    const double each = scale * rule.dice_weight / static_cast<double>(sums.both.size());
    for (size_t k = 0; k < sums.both.size(); ++k) {
      const double either = sums.said[k] + sums.truth[k] + rule.dice_smooth;
      gradient.said.push_back(static_cast<float>(each * dice(k) / either));
      gradient.both.push_back(static_cast<float>(-each * 2 / either));
    }
    return gradient;
  }
};

// Pixels are summed up in parts of this many, one after the other, whatever the number of threads.
constexpr int64_t kPart = 1 << 14;

MaskSums parallel_sums(const MaskPixels& pixels, int64_t count) {
  std::vector<MaskSums> parts((count + kPart - 1) / kPart);
  at::parallel_for(0, static_cast<int64_t>(parts.size()), 1, [&](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; ++i)
      parts[i] = mask_sums(pixels, i * kPart, std::min(count, (i + 1) * kPart));
  });
  MaskSums sums = mask_sums(pixels, 0, 0);
  const auto add = [](std::vector<double>& to, const std::vector<double>& from) {
    for (size_t k = 0; k < to.size(); ++k) to[k] += from[k];
  };
  for (const MaskSums& part : parts) {
    sums.entropy += part.entropy;
    sums.weight += part.weight;
    add(sums.said, part.said);
    add(sums.both, part.both);
    add(sums.truth, part.truth);
  }
  return sums;
}

struct FusedMaskLossNode : torch::autograd::Function<FusedMaskLossNode> {
  static variable_list forward(AutogradContext* context, const at::Tensor& logits,
                               const c10::intrusive_ptr<FusedMaskLoss>& loss) {
    const at::Tensor rows = logits.contiguous(at::MemoryFormat::ChannelsLast);
    loss->sums = parallel_sums(loss->pixels(rows), rows.numel() / rows.size(1));
    context->save_for_backward({rows});
    context->saved_data["loss"] = c10::IValue::make_capsule(loss);
    const double entropy = loss->entropy(), dice = loss->dice_loss();
    const MaskLossRule& rule = loss->rule;
    variable_list said;
    for (const double value : {rule.cross_entropy_weight * entropy + rule.dice_weight * dice, entropy, dice})
      said.push_back(at::scalar_tensor(value, at::kFloat));
    context->mark_non_differentiable({said[1], said[2]});
    return said;
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const at::Tensor rows = context->get_saved_variables().at(0);
    const auto loss =
        c10::static_intrusive_pointer_cast<FusedMaskLoss>(context->saved_data["loss"].toCapsule());
    const MaskSumsGradient by_sums = loss->by_sums(gradients[0].item<float>());
    const at::Tensor gradient = at::empty_like(rows);
    auto* to = gradient.mutable_data_ptr<float>();
    at::parallel_for(0, rows.numel() / rows.size(1), kPart, [&](int64_t first, int64_t last) {
      mask_sums_gradient(loss->pixels(rows), by_sums, first, last, to);
    });
    return {gradient, at::Tensor()};
  }
};

}  // namespace

MaskLoss mask_loss(const at::Tensor& logits, const MaskLabels& labels, const MaskLossRule& rule) {
  const bool plain = logits.is_cpu() && logits.scalar_type() == at::kFloat && logits.numel() > 0;
  return plain ? mask_loss_fused(logits, labels, rule) : mask_loss_by_aten(logits, labels, rule);
}

MaskLoss mask_loss_by_aten(const at::Tensor& logits, const MaskLabels& labels, const MaskLossRule& rule) {
  const std::vector<Truth> truths = truths_of(labels, rule.ignore);
  const at::Tensor logs = at::log_softmax(logits.permute({0, 2, 3, 1}).reshape({-1, logits.size(1)}), 1);
  const at::Tensor entropy = cross_entropy(logs, truths, rule);
  const at::Tensor dice_loss = 1 - mean_dice(logs.exp(), truths, rule.dice_smooth);
  return {rule.cross_entropy_weight * entropy + rule.dice_weight * dice_loss, entropy.detach(),
          dice_loss.detach()};
}

MaskLoss mask_loss_fused(const at::Tensor& logits, const MaskLabels& labels, const MaskLossRule& rule) {
  auto loss = c10::make_intrusive<FusedMaskLoss>();
  if (labels.layers.defined()) {
    loss->labels.layers = labels.layers.to(at::kByte).contiguous();
    loss->labels.shares = labels.shares.to(at::kFloat).contiguous();
  } else {
    loss->labels.mask = labels.mask.to(at::kByte).contiguous();
  }
  loss->rule = rule;
  loss->class_weight.assign(logits.size(1), 1.0f);
  std::transform(rule.class_weights.begin(), rule.class_weights.end(), loss->class_weight.begin(),
                 [](double weight) { return static_cast<float>(weight); });
  const variable_list said = FusedMaskLossNode::apply(logits, loss);
  return {said[0], said[1], said[2]};
}

}  // namespace athanor
