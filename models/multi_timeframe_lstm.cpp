// Multi-timeframe LSTM: one LSTM a timeframe, fused into one vector, heads on top. Two fusions:
// `mean`, the source project's network: the last step's vectors, averaged; direction and magnitude.
// `attention`, the one its specification wants: LayerNorm, pooling by a learned query a timeframe, an encoder
// layer across the timeframes, mean, gate (x * sigmoid(Wx + b); the specification names a gate and no
// formula); direction, two magnitudes and trend. Left out: quantised weights, bidirectional LSTMs.
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/softplus.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/tanh.h>

#include "models/input_spec.h"
#include "models/layers/attention.h"
#include "models/layers/lstm.h"
#include "models/layers/scaler.h"
#include "models/module_model.h"
#include "src/core/error.h"
#include "src/core/text.h"

namespace athanor {
namespace {

struct MultiTimeframeConfig : ConfigStruct {
  std::vector<std::string> inputs;
  int64_t hidden = 128;
  int64_t layers = 2;
  double dropout = 0.2;
  std::string layer_norm = "auto";
  std::string fusion = "mean";
  int64_t heads = 4;
  int64_t ffn = 512;
  bool gate = true;
  double magnitude_min = 0.5;
  double magnitude_max = 5.0;
  bool carry_state = false;
  bool orthogonal_init = false;
  double forget_bias = 0;
  bool fused_lstm = true;
  bool checkpoint_activations = false;
  bool int8_inference = false;

  void list_fields(Fields& fields) override {
    fields.field("inputs", inputs, "timeframes to use, in order; empty: all inputs of the data");
    fields.field("hidden", hidden, "width of the LSTMs and of what follows", kPositive);
    fields.field("layers", layers, "LSTM layers a timeframe", kPositive);
    fields.field("dropout", dropout, "probability, between LSTM layers and in the encoder layer", kDropout);
    fields.field("layer_norm", layer_norm, "LayerNorm behind each LSTM; auto: with attention fusion only",
                 one_of({"auto", "always", "never"}));
    fields.field("fusion", fusion, "how the timeframes become one vector", one_of({"mean", "attention"}));
    fields.field("heads", heads, "attention heads; a divisor of hidden", kPositive);
    fields.field("ffn", ffn, "inner width of the encoder layer across timeframes", kPositive);
    fields.field("gate", gate, "gate the fused vector (attention fusion)");
    fields.field("magnitude_min", magnitude_min, "least magnitude of the mean network, in pips",
                 kNonNegative);
    fields.field("magnitude_max", magnitude_max, "largest magnitude of the mean network, in pips", kPositive);
    fields.field("carry_state", carry_state,
                 "begin a batch with the state after the one before (ordered data)");
    fields.field("orthogonal_init", orthogonal_init,
                 "orthogonal recurrent weights instead of PyTorch's uniform");
    fields.field("forget_bias", forget_bias, "first bias of the forget gates; 0: PyTorch's uniform");
    fields.field("fused_lstm", fused_lstm,
                 "train on the CPU by the fused kernels: the same sums, rounded otherwise");
    fields.field(
        "checkpoint_activations", checkpoint_activations,
        "compute the LSTMs' activations again in the backward pass: less memory, more time, the same bits");
    fields.field("int8_inference", int8_inference,
                 "evaluate with int8 LSTM weights on the CPU (dynamic quantisation)");
  }
};

void check(const MultiTimeframeConfig& config) {
  if (config.fusion == "attention" && config.hidden % config.heads != 0)
    throw usage_error({.where = "model.heads",
                       .what = "attention heads must divide model.hidden",
                       .expected = text("a divisor of ", config.hidden),
                       .got = text(config.heads)});
  if (config.magnitude_max <= config.magnitude_min)
    throw usage_error({.where = "model.magnitude_max",
                       .what = "the magnitude's range is empty",
                       .expected = text("more than magnitude_min = ", config.magnitude_min),
                       .got = text(config.magnitude_max)});
}

struct Branch {
  std::string name;
  std::shared_ptr<Scaler> scaler;
  torch::nn::LayerNorm norm{nullptr};
  std::shared_ptr<AttentionPooling> pooling;
};

class MultiTimeframeLstm : public ModuleModel {
 public:
  MultiTimeframeLstm(const MultiTimeframeConfig& config, const DataSpec& spec);

  // inputs [B,T,F] f32, raw. mean: direction [B,3] logits (down, neutral, up), magnitude [B] pips in the
  // configured range. attention: direction, magnitude_scalp and magnitude_swing [B] pips >= 0, magnitude (=
  // magnitude_swing), trend [B] in [-1,1].
  TensorMap forward(const TensorMap& inputs) override;

  TensorMap state() const override { return state_; }
  void set_state(const TensorMap& state) override { state_ = state; }

 private:
  void add_branch(const TensorSpec& input, const DataSpec& spec);
  std::vector<at::Tensor> run_branches(const TensorMap& inputs);
  std::vector<LstmState> carried_states(int64_t batch) const;
  void keep_states(const std::vector<LstmState>& states);
  at::Tensor fuse(const std::vector<at::Tensor>& branches);

  MultiTimeframeConfig config_;
  bool attention_;
  std::vector<Branch> branches_;
  LstmSet lstms_;
  std::shared_ptr<EncoderLayer> encoder_;
  torch::nn::Linear gate_{nullptr};
  torch::nn::Linear direction_{nullptr}, magnitude_{nullptr}, scalp_{nullptr}, swing_{nullptr},
      trend_{nullptr};
  TensorMap state_;  // "h/M1", "c/M1" [L,B,D]
};

MultiTimeframeLstm::MultiTimeframeLstm(const MultiTimeframeConfig& config, const DataSpec& spec)
    : config_(config),
      attention_(config.fusion == "attention"),
      lstms_(config.fused_lstm, config.checkpoint_activations) {
  check(config);
  const auto head = [&](const std::string& name, int64_t width) {
    return register_module("head_" + name, torch::nn::Linear(config.hidden, width));
  };
  for (const TensorSpec& input : pick_inputs(spec, config.inputs, 2, "multi_timeframe_lstm"))
    add_branch(input, spec);
  if (attention_) {
    encoder_ = register_module(
        "encoder", std::make_shared<EncoderLayer>(config.hidden, config.heads, config.ffn, config.dropout));
    if (config.gate) gate_ = register_module("gate", torch::nn::Linear(config.hidden, config.hidden));
  }
  direction_ = head("direction", 3);
  if (attention_) {
    scalp_ = head("magnitude_scalp", 1);
    swing_ = head("magnitude_swing", 1);
    trend_ = head("trend", 1);
  } else {
    magnitude_ = head("magnitude", 1);
  }
}

void MultiTimeframeLstm::add_branch(const TensorSpec& input, const DataSpec& spec) {
  Branch branch{.name = input.name,
                .scaler = register_module("scaler_" + input.name, make_scaler(spec, input.name))};
  lstms_.add(register_module("lstm_" + input.name,
                             std::make_shared<Lstm>(LstmOptions{.input = input.shape[1],
                                                                .hidden = config_.hidden,
                                                                .layers = config_.layers,
                                                                .dropout = config_.dropout,
                                                                .orthogonal_init = config_.orthogonal_init,
                                                                .forget_bias = config_.forget_bias,
                                                                .int8_inference = config_.int8_inference})));
  if (config_.layer_norm == "always" || (config_.layer_norm == "auto" && attention_))
    branch.norm = register_module("norm_" + input.name,
                                  torch::nn::LayerNorm(torch::nn::LayerNormOptions({config_.hidden})));
  if (attention_)
    branch.pooling = register_module("pooling_" + input.name,
                                     std::make_shared<AttentionPooling>(config_.hidden, config_.heads));
  branches_.push_back(std::move(branch));
}

TensorMap MultiTimeframeLstm::forward(const TensorMap& inputs) {
  const at::Tensor fused = fuse(run_branches(inputs));
  if (!attention_) {
    const double range = config_.magnitude_max - config_.magnitude_min;
    return {
        {"direction", direction_->forward(fused)},
        {"magnitude", at::sigmoid(magnitude_->forward(fused)).squeeze(1) * range + config_.magnitude_min}};
  }
  const at::Tensor swing = at::softplus(swing_->forward(fused)).squeeze(1);
  return {{"direction", direction_->forward(fused)},
          {"magnitude", swing},
          {"magnitude_scalp", at::softplus(scalp_->forward(fused)).squeeze(1)},
          {"magnitude_swing", swing},
          {"trend", at::tanh(trend_->forward(fused)).squeeze(1)}};
}

// -> one vector [B,D] a timeframe.
std::vector<at::Tensor> MultiTimeframeLstm::run_branches(const TensorMap& inputs) {
  std::vector<at::Tensor> x;
  for (const Branch& branch : branches_) x.push_back(branch.scaler->forward(inputs.at(branch.name)));
  std::vector<LstmState> states = carried_states(x[0].size(0));
  std::vector<at::Tensor> vectors = lstms_.forward(x, states, /*last_only=*/!attention_);
  if (config_.carry_state) keep_states(states);
  for (size_t i = 0; i < branches_.size(); ++i) {
    Branch& branch = branches_[i];
    if (!branch.norm.is_empty()) vectors[i] = branch.norm->forward(vectors[i]);
    if (branch.pooling) vectors[i] = branch.pooling->forward(vectors[i]);
  }
  return vectors;
}

at::Tensor MultiTimeframeLstm::fuse(const std::vector<at::Tensor>& branches) {
  at::Tensor tokens = at::stack(branches, 1);  // [B,K,D]
  if (!attention_) return tokens.mean(1);
  const at::Tensor fused = encoder_->forward(tokens).mean(1);
  return gate_.is_empty() ? fused : fused * at::sigmoid(gate_->forward(fused));
}

// What the last batch left; zeros (undefined) where nothing is carried or the batch has another size.
std::vector<LstmState> MultiTimeframeLstm::carried_states(int64_t batch) const {
  std::vector<LstmState> states(branches_.size());
  if (!config_.carry_state) return states;
  for (size_t i = 0; i < branches_.size(); ++i) {
    const at::Tensor* h = state_.find("h/" + branches_[i].name);
    const at::Tensor* c = state_.find("c/" + branches_[i].name);
    if (h != nullptr && c != nullptr && h->size(1) == batch) states[i] = {*h, *c};
  }
  return states;
}

void MultiTimeframeLstm::keep_states(const std::vector<LstmState>& states) {
  for (size_t i = 0; i < branches_.size(); ++i) {
    state_.set("h/" + branches_[i].name, states[i].h.detach());
    state_.set("c/" + branches_[i].name, states[i].c.detach());
  }
}

}  // namespace

ModelComponent make_multi_timeframe_lstm() {
  return component<MultiTimeframeConfig, Model, const DataSpec&>(
      "multi_timeframe_lstm",
      "one LSTM a timeframe, fused by their mean or by attention; direction, magnitude, trend",
      [](const MultiTimeframeConfig& config, const DataSpec& spec) -> std::unique_ptr<Model> {
        return std::make_unique<MultiTimeframeLstm>(config, spec);
      });
}

}  // namespace athanor
