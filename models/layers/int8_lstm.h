// A stacked LSTM with int8 weights for inference on the CPU: dynamic quantisation as
// torch.ao.quantization.quantize_dynamic does it (weights int8 a row of the matrix, inputs int8 by their
// range at run time, sums and gates fp32), by LibTorch's own kernel. Left out: training, export.
#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <vector>

#include "models/layers/fused_lstm.h"

namespace athanor {

class Int8Lstm {
 public:
  // weights: w_ih [4D,F], w_hh [4D,D], b_ih, b_hh [4D] a layer, fp32 on the CPU; copied and packed.
  explicit Int8Lstm(const std::vector<at::Tensor>& weights);
  ~Int8Lstm();
  // x [B,T,F] f32 -> [B,T,D] f32; `state`, defined, becomes the state after the last step. No gradients.
  at::Tensor forward(const at::Tensor& x, LstmState& state) const;

 private:
  struct Packed;
  std::unique_ptr<Packed> packed_;
};

}  // namespace athanor
