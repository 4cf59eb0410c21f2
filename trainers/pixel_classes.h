// From logits of each pixel to the class of each pixel.
#pragma once

#include <ATen/core/Tensor.h>

namespace athanor {

// logits [B,C,H,W] f32, C up to 256 -> [B,H,W] u8 on the same device: the class with the highest logit, the
// first of equal ones. Throws Error where the shape is another.
at::Tensor classes_of_pixels(const at::Tensor& logits);

}  // namespace athanor
