// The losses that objectives are put together from: LibTorch's, with shapes and labels checked first, since a
// silent broadcast or a label out of range is what goes wrong in practice.
#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

#include "src/core/fields.h"

namespace athanor {

struct ClassLossConfig {
  std::vector<double> class_weights;
  double label_smoothing = 0;
  void list_fields(Fields& fields);
};

// Mean over the batch of -log softmax; weights are moved to the logits' device once.
class ClassLoss {
 public:
  // `output` is for messages.
  ClassLoss(const ClassLossConfig& config, std::string output);
  // logits [B,C] f32, labels [B] i64 -> [] f32. Throws Error where shapes or labels do not fit.
  at::Tensor operator()(const at::Tensor& logits, const at::Tensor& labels) const;

 private:
  ClassLossConfig config_;
  std::string output_;
  mutable at::Tensor weights_;
};

// Both [B,…] f32 -> [] f32: the mean of the squared difference. Throws Error where shapes differ.
at::Tensor mse_of(const at::Tensor& values, const at::Tensor& labels, const std::string& output);
// Quadratic up to `delta`, linear beyond (torch's huber_loss).
at::Tensor huber_of(const at::Tensor& values, const at::Tensor& labels, double delta,
                    const std::string& output);

}  // namespace athanor
