// One Adam or AdamW update of many small fp32 tensors on the CPU in one call: at::_fused_adamw_ opens a
// parallel region a tensor, which costs more than the sums do while the tensors are small. The update is
// PyTorch's (torch/optim/adam.py; Kingma & Ba 2015, Loshchilov & Hutter 2019). Left out: amsgrad, maximize,
// threads.
#pragma once

#include <cstdint>
#include <span>

namespace athanor {

// `size` numbers of one parameter, its gradient, and the running means of the gradient and of its square.
struct AdamTensor {
  float* parameter;
  const float* gradient;
  float* mean;
  float* square;
  int64_t size;
};

struct AdamRule {
  double lr = 1e-3;
  double beta1 = 0.9, beta2 = 0.999, eps = 1e-8;
  double weight_decay = 0;
  bool decoupled = true;  // AdamW; else the decay is added to the gradient (Adam's L2)
  double step = 1;        // this update's number, from 1
};

void adam_step(std::span<const AdamTensor> tensors, const AdamRule& rule);

}  // namespace athanor
