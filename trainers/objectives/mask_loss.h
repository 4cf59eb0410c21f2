// The arithmetic of the objective `segmentation`, by fused passes over the logits where they are fp32 on a
// CPU (src/ops/mask_sums.h), else by ATen.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

namespace athanor {

struct MaskLossRule {
  double cross_entropy_weight = 1;
  double dice_weight = 1.5;
  double dice_smooth = 1;
  double focal_gamma = 0;
  std::vector<double> class_weights;  // of the cross entropy; empty: all 1
  int64_t ignore = -1;                // -1: no class is
};

struct MaskLabels {
  at::Tensor mask;    // [B,H,W] u8: below C, or ignored
  at::Tensor layers;  // [B,N,H,W] u8: the classes that count in place of mask's; or undefined
  at::Tensor shares;  // f32, [B,N,H,W] or [B,N,1,1]: how much of a pixel each layer is
};

struct MaskLoss {
  at::Tensor total;      // [] f32, differentiable
  at::Tensor entropy;    // [] f32, detached: the mean (focal) cross entropy; 0 where no pixel counts
  at::Tensor dice_loss;  // [] f32, detached: 1 - the mean Dice
};

// logits [B,C,H,W]
MaskLoss mask_loss(const at::Tensor& logits, const MaskLabels& labels, const MaskLossRule& rule);

// Each of the two ways.
MaskLoss mask_loss_by_aten(const at::Tensor& logits, const MaskLabels& labels, const MaskLossRule& rule);
MaskLoss mask_loss_fused(const at::Tensor& logits, const MaskLabels& labels, const MaskLossRule& rule);

}  // namespace athanor
