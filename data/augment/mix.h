// MixUp (Zhang et al. 2018) and CutMix (Yun et al. 2019) on an augmented batch: each sample's partner is the
// next of the batch, the last one's is the first.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "data/augment/operation.h"

namespace athanor {

// What the objective needs of blended samples; both undefined where the batch has none.
struct Partners {
  at::Tensor mask;   // [B,H,W] uint8: the partner's, as it came out of its own changes
  at::Tensor share;  // [B] f32 of the partner in the image; 0: none
};

// Blends and pastes as `changes` ([B]) say, in place: image [B,3,H,W] floating point, mask [B,H,W] uint8.
Partners mix_partners(const std::vector<SampleChange>& changes, const at::Tensor& image,
                      const at::Tensor& mask);

}  // namespace athanor
