// Thin checks before at::cross_entropy_loss, at::mse_loss, at::huber_loss.
#include "trainers/objectives/losses.h"

#include <ATen/core/Reduction.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/huber_loss.h>
#include <ATen/ops/mse_loss.h>
#include <ATen/ops/tensor.h>
#include <c10/util/Exception.h>

#include "src/core/error.h"
#include "src/core/text.h"

namespace athanor {
namespace {

// torch's default, which no label may have: kept out of the way of real labels.
constexpr int64_t kIgnoreIndex = -100;

at::Tensor matching(const at::Tensor& values, const at::Tensor& labels, const std::string& output) {
  if (values.sizes() != labels.sizes())
    throw Error({"output '" + output + "'", "its shape is not the label's", shape_text(labels.sizes().vec()),
                 shape_text(values.sizes().vec()), "set the model's output width to the label's"});
  return labels.scalar_type() == values.scalar_type() ? labels : labels.to(values.scalar_type());
}

}  // namespace

void ClassLossConfig::list_fields(Fields& fields) {
  fields.field("class_weights", class_weights, "weight of each class in the loss; empty: all 1", kPositive);
  fields.field("label_smoothing", label_smoothing, "probability spread over all classes", kDropout);
}

ClassLoss::ClassLoss(const ClassLossConfig& config, std::string output)
    : config_(config), output_(std::move(output)) {}

at::Tensor ClassLoss::operator()(const at::Tensor& logits, const at::Tensor& labels) const {
  const auto weights = static_cast<int64_t>(config_.class_weights.size());
  if (logits.dim() != 2 || labels.dim() != 1 || logits.size(0) != labels.size(0))
    throw Error({"output '" + output_ + "'", "not logits for these labels", "[B,C] and labels [B]",
                 shape_text(logits.sizes().vec()) + " and " + shape_text(labels.sizes().vec())});
  if (weights > 0 && weights != logits.size(1))
    throw usage_error({"objective.class_weights", "one weight a class", text(logits.size(1)), text(weights)});
  if (weights > 0 && (!weights_.defined() || weights_.device() != logits.device()))
    weights_ = at::tensor(config_.class_weights, logits.options());
  const at::Tensor classes = labels.scalar_type() == at::kLong ? labels : labels.to(at::kLong);
  try {
    return at::cross_entropy_loss(logits, classes, weights_, at::Reduction::Mean, kIgnoreIndex,
                                  config_.label_smoothing);
  } catch (const c10::IndexError&) {
    throw Error({"output '" + output_ + "'", "a label is out of range", text("0 to ", logits.size(1) - 1),
                 text(classes.min().item<int64_t>(), " to ", classes.max().item<int64_t>()),
                 "give the model as many classes as the data has"});
  }
}

at::Tensor mse_of(const at::Tensor& values, const at::Tensor& labels, const std::string& output) {
  return at::mse_loss(values, matching(values, labels, output));
}

at::Tensor huber_of(const at::Tensor& values, const at::Tensor& labels, double delta,
                    const std::string& output) {
  return at::huber_loss(values, matching(values, labels, output), at::Reduction::Mean, delta);
}

}  // namespace athanor
