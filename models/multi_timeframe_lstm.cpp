// Multi-timeframe LSTM: one LSTM a timeframe, fused into one vector, heads on top.
// `mean` is the source project's network (last step, mean of the timeframes, direction and magnitude).
#include <ATen/ops/mean.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/stack.h>
#include <torch/nn/modules/dropout.h>
#include <torch/nn/modules/linear.h>

#include "models/input_spec.h"
#include "models/layers/lstm.h"
#include "models/layers/scaler.h"
#include "models/module_model.h"

namespace athanor {
namespace {

struct MultiTimeframeConfig : ConfigStruct {
  std::vector<std::string> inputs;
  int64_t hidden = 128;
  int64_t layers = 2;
  double dropout = 0.2;
  std::string fusion = "mean";
  double magnitude_min = 0.5;
  double magnitude_max = 5.0;

  void list_fields(Fields& fields) override {
    fields.field("inputs", inputs, "timeframes to use, in order; empty: all inputs of the data");
    fields.field("hidden", hidden, "width of the LSTMs and of all that follows", kPositive);
    fields.field("layers", layers, "LSTM layers a timeframe", kPositive);
    fields.field("dropout", dropout, "probability, between LSTM layers and before the heads", kDropout);
    fields.field("fusion", fusion, "how the timeframes become one vector", one_of({"mean"}));
    fields.field("magnitude_min", magnitude_min, "lower end of the mean network's magnitude, in pips",
                 kNonNegative);
    fields.field("magnitude_max", magnitude_max, "upper end of the mean network's magnitude, in pips",
                 kPositive);
  }
};

struct Branch {
  std::string name;
  std::shared_ptr<Scaler> scaler;
  std::shared_ptr<Lstm> lstm;
};

class MultiTimeframeLstm : public ModuleModel {
 public:
  MultiTimeframeLstm(const MultiTimeframeConfig& config, const DataSpec& spec)
      : config_(config), direction_(config.hidden, 3), magnitude_(config.hidden, 1) {
    for (const TensorSpec& input : pick_inputs(spec, config.inputs, 2, "multi_timeframe_lstm")) {
      auto scaler = register_module("scaler_" + input.name, make_scaler(spec, input.name));
      const LstmOptions options{.input = input.shape[1],
                                .hidden = config.hidden,
                                .layers = config.layers,
                                .dropout = config.dropout};
      auto lstm = register_module("lstm_" + input.name, std::make_shared<Lstm>(options));
      branches_.push_back({input.name, scaler, lstm});
    }
    register_module("head_direction", direction_);
    register_module("head_magnitude", magnitude_);
  }

  // inputs [B,T,F] raw -> direction [B,3] logits (down, neutral, up), magnitude [B] pips.
  TensorMap forward(const TensorMap& inputs) override {
    std::vector<at::Tensor> last;
    for (Branch& branch : branches_) {
      LstmState state;
      last.push_back(
          branch.lstm->forward(branch.scaler->forward(inputs.at(branch.name)), state).select(1, -1));
    }
    const at::Tensor fused = at::stack(last, 1).mean(1);
    const double range = config_.magnitude_max - config_.magnitude_min;
    return {
        {"direction", direction_->forward(fused)},
        {"magnitude", at::sigmoid(magnitude_->forward(fused)).squeeze(1) * range + config_.magnitude_min}};
  }

 private:
  MultiTimeframeConfig config_;
  std::vector<Branch> branches_;
  torch::nn::Linear direction_;
  torch::nn::Linear magnitude_;
};

}  // namespace

ModelComponent make_multi_timeframe_lstm() {
  return component<MultiTimeframeConfig, Model, const DataSpec&>(
      "multi_timeframe_lstm", "one LSTM a timeframe, fused; direction and magnitude heads",
      [](const MultiTimeframeConfig& config, const DataSpec& spec) -> std::unique_ptr<Model> {
        return std::make_unique<MultiTimeframeLstm>(config, spec);
      });
}

}  // namespace athanor
