// Stacked LSTM with PyTorch's parameter names, layout and initialisation (torch.nn.LSTM, batch_first=True),
// so that weights go both ways. Left out: bidirectional, projections, packed sequences.
#pragma once

#include <torch/nn/module.h>

#include <vector>

namespace athanor {

struct LstmOptions {
  int64_t input = 0;
  int64_t hidden = 128;
  int64_t layers = 2;
  double dropout = 0;            // between layers, in training
  bool orthogonal_init = false;  // recurrent weights orthogonal
  double forget_bias = 0;        // set where not 0; PyTorch's own init otherwise
};

struct LstmState {
  at::Tensor h;  // [L,B,D] f32
  at::Tensor c;  // [L,B,D] f32
};

class Lstm : public torch::nn::Module {
 public:
  explicit Lstm(const LstmOptions& options);
  // x [B,T,F] -> [B,T,D]; `state` (zeros where undefined) is replaced by the state after the last step.
  at::Tensor forward(const at::Tensor& x, LstmState& state);

 private:
  void initialise();
  LstmOptions options_;
  std::vector<at::Tensor> weights_;  // w_ih, w_hh, b_ih, b_hh a layer
};

}  // namespace athanor
