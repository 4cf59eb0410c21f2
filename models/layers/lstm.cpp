// at::lstm over parameters named as torch.nn.LSTM names them, and the choice between it and fused_lstm.
#include "models/layers/lstm.h"

#include <ATen/TracerMode.h>
#include <ATen/autocast_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/lstm.h>
#include <ATen/ops/zeros_like.h>
#include <torch/nn/init.h>

#include <cmath>
#include <string>

#include "models/layers/checkpointed.h"

namespace athanor {
namespace {

// [B,T,F] -> zeros [L,B,D]. Built from traced operations: an exported module must take the batch size from x
// (an LSTM whose h0 has another batch size writes out of bounds).
at::Tensor zero_state(const at::Tensor& x, int64_t layers, int64_t hidden) {
  const at::Tensor column = at::zeros_like(x.select(1, 0).select(1, 0), at::MemoryFormat::Contiguous);
  return column.unsqueeze(0).unsqueeze(-1).expand({layers, -1, hidden}).contiguous();
}

}  // namespace

Lstm::Lstm(const LstmOptions& options) : options_(options) {
  const int64_t gates = 4 * options.hidden;
  for (int64_t layer = 0; layer < options.layers; ++layer) {
    const int64_t input = layer == 0 ? options.input : options.hidden;
    const std::string suffix = "_l" + std::to_string(layer);
    weights_.push_back(register_parameter("weight_ih" + suffix, at::empty({gates, input})));
    weights_.push_back(register_parameter("weight_hh" + suffix, at::empty({gates, options.hidden})));
    weights_.push_back(register_parameter("bias_ih" + suffix, at::empty({gates})));
    weights_.push_back(register_parameter("bias_hh" + suffix, at::empty({gates})));
  }
  initialise();
}

void Lstm::initialise() {
  const at::NoGradGuard no_grad;
  const double bound = 1 / std::sqrt(static_cast<double>(options_.hidden));
  for (at::Tensor& weight : weights_) weight.uniform_(-bound, bound);
  for (size_t i = 0; i < weights_.size(); i += 4) {
    if (options_.orthogonal_init)
      for (at::Tensor& gate : weights_[i + 1].chunk(4)) torch::nn::init::orthogonal_(gate);
    if (options_.forget_bias != 0) {
      // Gate order i, f, g, o; the two biases add up.
      weights_[i + 2].chunk(4)[1].fill_(options_.forget_bias);
      weights_[i + 3].chunk(4)[1].zero_();
    }
  }
}

at::Tensor Lstm::forward(const at::Tensor& x, LstmState& state, bool recompute) {
  if (!state.h.defined()) {
    state.h = zero_state(x, options_.layers, options_.hidden);
    state.c = state.h;
  }
  if (runs_int8(x)) {
    if (int8_ == nullptr) int8_ = std::make_unique<Int8Lstm>(weights_);
    return int8_->forward(x, state);
  }
  // x, h, c, weights -> outputs, h, c
  const auto run = [options = options_, training = is_training()](const std::vector<at::Tensor>& in) {
    auto [output, h, c] = at::lstm(in[0], {in[1], in[2]}, at::TensorList(in).slice(3), /*has_biases=*/true,
                                   options.layers, options.dropout, training, /*bidirectional=*/false,
                                   /*batch_first=*/true);
    return std::vector<at::Tensor>{output, h, c};
  };
  std::vector<at::Tensor> in = {x, state.h, state.c};
  in.insert(in.end(), weights_.begin(), weights_.end());
  const std::vector<at::Tensor> out = recompute ? checkpointed(run, in) : run(in);
  state = {out[1], out[2]};
  return out[0];
}

void Lstm::train(bool on) {
  int8_.reset();
  torch::nn::Module::train(on);
}

// While tracing too, an exported module keeps its fp32 weights.
bool Lstm::runs_int8(const at::Tensor& x) const {
  return options_.int8_inference && !is_training() && !at::GradMode::is_enabled() && x.is_cpu() &&
         !at::tracer::impl::is_dispatch_enabled();
}

std::vector<at::Tensor> LstmSet::forward(const std::vector<at::Tensor>& x, std::vector<LstmState>& states,
                                         bool last_only) {
  const LstmOptions& options = lstms_[0]->options();
  const bool autocast = at::autocast::is_autocast_enabled(at::kCPU);
  const FusedLstmOptions fused{.hidden = options.hidden,
                               .layers = options.layers,
                               .dropout = lstms_[0]->is_training() ? options.dropout : 0,
                               .last_only = last_only,
                               .recompute = recompute_,
                               .kernel = find_lstm_kernel(autocast)};
  std::vector<LstmBranch> branches;
  for (size_t i = 0; i < lstms_.size(); ++i) branches.push_back({x[i], lstms_[i]->weights(), states[i]});
  std::vector<at::Tensor> outputs;
  if (allow_fused_ && fused_lstm_serves(branches, fused)) {
    outputs = fused_lstm(branches, fused, workspace_);
    for (size_t i = 0; i < lstms_.size(); ++i) states[i] = branches[i].state;
  } else {
    for (size_t i = 0; i < lstms_.size(); ++i) {
      const at::Tensor all = lstms_[i]->forward(x[i], states[i], recompute_);
      outputs.push_back(last_only ? all.select(1, -1) : all);
    }
  }
  return outputs;
}

}  // namespace athanor
