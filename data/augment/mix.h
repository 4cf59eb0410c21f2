// MixUp (Zhang et al. 2018) and CutMix (Yun et al. 2019) on an augmented batch: each sample's partner is the
// next of the batch, the last one's is the first.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "data/augment/operation.h"

namespace athanor {

// What a pixel should be where that is more than one class: layer n's, by its share. A pixel's shares sum to
// 1. Both undefined where the mask says all.
struct MaskTarget {
  at::Tensor layers;  // [B,N,H,W] uint8
  at::Tensor shares;  // f32, [B,N,H,W] or of whole samples [B,N,1,1]
};

// Blends and pastes as `changes` ([B]) say, in place: image [B,3,H,W] floating point, mask [B,H,W] uint8 and
// its target, which is undefined or whose shares are of pixels. Where samples are blended, the target that
// comes back has the partner's layers, as they came out of its own changes, after the own ones.
MaskTarget mix_partners(const std::vector<SampleChange>& changes, const at::Tensor& image,
                        const at::Tensor& mask, const MaskTarget& target);

}  // namespace athanor
