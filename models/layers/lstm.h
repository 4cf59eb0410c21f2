// Stacked LSTM with PyTorch's parameter names, layout and initialisation (torch.nn.LSTM, batch_first=True),
// so that weights go both ways. Left out: bidirectional, projections, packed sequences.
#pragma once

#include <torch/nn/module.h>

#include <memory>
#include <vector>

#include "models/layers/fused_lstm.h"
#include "models/layers/int8_lstm.h"

namespace athanor {

struct LstmOptions {
  int64_t input = 0;
  int64_t hidden = 128;
  int64_t layers = 2;
  double dropout = 0;            // between layers, in training
  bool orthogonal_init = false;  // recurrent weights, gate by gate
  double forget_bias = 0;        // where not 0; else PyTorch's own init
  bool int8_inference = false;   // in evaluation on the CPU: Int8Lstm
};

class Lstm : public torch::nn::Module {
 public:
  explicit Lstm(const LstmOptions& options);
  // x [B,T,F] -> [B,T,D] by at::lstm; `state` (zeros where undefined) becomes the state after the last step.
  // `recompute`: checkpointed, see checkpointed.h.
  at::Tensor forward(const at::Tensor& x, LstmState& state, bool recompute = false);
  void train(bool on = true) override;
  const LstmOptions& options() const { return options_; }
  const std::vector<at::Tensor>& weights() const { return weights_; }

 private:
  void initialise();
  bool runs_int8(const at::Tensor& x) const;
  LstmOptions options_;
  std::vector<at::Tensor> weights_;  // w_ih, w_hh, b_ih, b_hh a layer
  std::unique_ptr<Int8Lstm> int8_;   // made of them at the first use, dropped when training begins
};

// Several LSTMs of equal options (input width aside), run together: while training on a CPU by fused_lstm,
// otherwise each by at::lstm. With `recompute`, activations are computed again in the backward pass.
class LstmSet {
 public:
  LstmSet(bool allow_fused, bool recompute) : allow_fused_(allow_fused), recompute_(recompute) {}
  void add(std::shared_ptr<Lstm> lstm) { lstms_.push_back(std::move(lstm)); }
  // x [B,T,F] a member -> [B,T,D] each, or with last_only the last step's [B,D]. `states`, one a member, as
  // above.
  std::vector<at::Tensor> forward(const std::vector<at::Tensor>& x, std::vector<LstmState>& states,
                                  bool last_only);

 private:
  bool allow_fused_, recompute_;
  std::vector<std::shared_ptr<Lstm>> lstms_;
  std::shared_ptr<LstmWorkspace> workspace_ = std::make_shared<LstmWorkspace>();
};

}  // namespace athanor
