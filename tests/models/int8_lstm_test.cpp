// int8 LSTMs against their fp32 originals.
#include <ATen/ATen.h>
#include <torch/types.h>

#include <catch2/catch.hpp>

#include "tests/models/sample_data.h"

using namespace athanor;

namespace {

TensorMap evaluate(Model& model, const TensorMap& inputs) {
  const torch::NoGradGuard no_grad;
  return model.forward(inputs);
}

}  // namespace

CATCH_TEST_CASE("int8_inference: outputs stay near fp32's, and are not the same", "[unit]") {
  const DataSpec spec = small_spec(true);
  const TensorMap inputs = random_inputs(spec, 7, 2);
  for (const std::string fusion : {"mean", "attention"}) {
    CATCH_INFO(fusion);
    const std::vector<std::string> common = {"hidden=32", "ffn=64", "layers=2", "fusion=" + fusion};
    auto with_int8 = common;
    with_int8.emplace_back("int8_inference=true");
    const auto exact = build_model("multi_timeframe_lstm", common, spec),
               quantised = build_model("multi_timeframe_lstm", with_int8, spec);
    const at::Tensor truth = evaluate(*exact, inputs).at("direction"),
                     said = evaluate(*quantised, inputs).at("direction");
    const double error = (said - truth).norm().item<double>() / truth.norm().item<double>();
    CATCH_CHECK(error > 0);
    CATCH_CHECK(error < 0.02);
  }
}

CATCH_TEST_CASE("int8_inference: weights are packed anew after training", "[unit]") {
  const DataSpec spec = small_spec(true);
  const TensorMap inputs = random_inputs(spec, 3, 2);
  const auto model = build_model("multi_timeframe_lstm", {"hidden=32", "int8_inference=true"}, spec);
  const at::Tensor before = evaluate(*model, inputs).at("direction");
  model->set_training(true);
  {
    const torch::NoGradGuard no_grad;
    for (const auto& [name, parameter] : model->parameters())
      if (name.starts_with("lstm_")) parameter.mul_(2);
  }
  model->set_training(false);
  CATCH_CHECK(max_difference(evaluate(*model, inputs).at("direction"), before) > 1e-3);
}

CATCH_TEST_CASE("int8_inference: training and gradients stay fp32", "[unit]") {
  const DataSpec spec = small_spec(true);
  const TensorMap inputs = random_inputs(spec, 3, 2);
  const auto plain = build_model("multi_timeframe_lstm", {"hidden=32", "dropout=0"}, spec),
             other =
                 build_model("multi_timeframe_lstm", {"hidden=32", "dropout=0", "int8_inference=true"}, spec);
  for (Model* model : {plain.get(), other.get()}) model->set_training(true);
  CATCH_CHECK(
      max_difference(plain->forward(inputs).at("direction"), other->forward(inputs).at("direction")) == 0);
}
