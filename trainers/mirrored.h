// Test-time augmentation by a mirror: the mean of what a model says of an image and of its mirror image.
#pragma once

#include <memory>

#include "models/model.h"

namespace athanor {

// A view of `model`, which must outlive it, whose outputs of each pixel [B,C,H,W] are the means of the logits
// of both; classes change places by spec.class_mirrors. Twice the work. Throws usage Error where the model's
// inputs are no images, or an output is not of pixels.
std::unique_ptr<Model> average_with_mirror(Model& model, const DataSpec& spec);

}  // namespace athanor
