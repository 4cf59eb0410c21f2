// Activation checkpointing (Chen et al. 2016, as torch.utils.checkpoint does it): a part of a model runs
// without keeping what its backward pass needs, and runs again there. Gradients are bit for bit the same
// where the part is deterministic: random numbers and autocast are as they were. Nests.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <vector>

namespace athanor {

using TensorFunction = std::function<std::vector<at::Tensor>(const std::vector<at::Tensor>&)>;

// body(inputs), checkpointed. Everything that wants a gradient must be among `inputs`, weights too (what
// `body` captures gets none), and all of them be on one device. Without gradients it is body(inputs) alone.
std::vector<at::Tensor> checkpointed(const TensorFunction& body, const std::vector<at::Tensor>& inputs);

}  // namespace athanor
