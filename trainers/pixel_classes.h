// From logits of each pixel to the class of each pixel.
#pragma once

#include <ATen/core/Tensor.h>

namespace athanor {

// logits [B,C,H,W] f32, C up to 256 -> [B,H,W] u8 on the same device: the class with the highest logit, the
// first of equal ones. Throws Error where the shape is another.
at::Tensor classes_of_pixels(const at::Tensor& logits);

// The same of logits resized (bilinear, between pixels' centres) to `height` x `width`, which never exist as
// a whole: logits [C,H,W] f32 -> [height,width] u8 on the CPU.
at::Tensor classes_at_size(const at::Tensor& logits, int64_t height, int64_t width);

}  // namespace athanor
