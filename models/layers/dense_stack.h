// Linear layers with ReLU as one autograd node. For small layers most of a step is LibTorch's bookkeeping
// between operations: one node instead of a dozen saves a third of it. The sums are those of at::linear and
// at::relu.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

namespace athanor {

// x [B,F], layers weight [out,in] and bias [out] in turn -> [B,out of the last]; ReLU after each layer, after
// the last one only with `relu_last`. Goes operation by operation where gradients are off (so that it can be
// traced), under autocast, and where x wants a gradient.
at::Tensor dense_stack(const at::Tensor& x, const std::vector<at::Tensor>& layers, bool relu_last);

}  // namespace athanor
