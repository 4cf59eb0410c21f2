// Augmentation of a batch that lies on a GPU, where it lies: tensors to and from the library of
// src/ops/cuda/augment_cuda.h. MixUp, CutMix and soft masks are not part of it.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "src/ops/augment.h"

namespace athanor {

struct CudaAugmentLibrary;

// image uint8 [B,3,H,W] and mask uint8 [B,H,W] (or undefined), contiguous, on one device -> image
// [B,3,H',W'] of out_type and mask uint8 [B,H',W'] there. rule.class_mirror lies on the CPU. On the device's
// current stream; nothing waits for it. Throws Error with what the library says.
struct DevicePictures {
  at::Tensor image, mask;
};
DevicePictures augment_on_device(const CudaAugmentLibrary& library, const DevicePictures& in,
                                 const std::vector<PictureChange>& changes, const AugmentShape& shape,
                                 const AugmentRule& rule, at::ScalarType out_type);

}  // namespace athanor
