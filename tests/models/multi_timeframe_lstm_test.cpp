// The multi-timeframe LSTM against references written out here, its carried state, and its complaints.
#include <ATen/ATen.h>
#include <torch/types.h>

#include <catch2/catch.hpp>

#include "src/core/error.h"
#include "tests/models/sample_data.h"

using namespace athanor;

namespace {

// One step after another, in double precision: x [B,T,F] -> the top layer's last h [B,D].
at::Tensor last_step(const Model& model, const std::string& lstm, const at::Tensor& x, int64_t layers) {
  const TensorMap all = model.parameters();
  at::Tensor input = x.to(at::kDouble);
  for (int64_t layer = 0; layer < layers; ++layer) {
    const auto weight = [&](const std::string& name) {
      return all.at(lstm + "." + name + "_l" + std::to_string(layer)).detach().to(at::kDouble);
    };
    const at::Tensor w_x = weight("weight_ih"), w_h = weight("weight_hh");
    const at::Tensor bias = weight("bias_ih") + weight("bias_hh");
    at::Tensor h = at::zeros({x.size(0), w_h.size(1)}, at::kDouble), c = h;
    std::vector<at::Tensor> steps;
    for (int64_t t = 0; t < x.size(1); ++t) {
      const auto gates = (input.select(1, t).matmul(w_x.t()) + h.matmul(w_h.t()) + bias).chunk(4, 1);
      c = gates[1].sigmoid() * c + gates[0].sigmoid() * gates[2].tanh();
      h = gates[3].sigmoid() * c.tanh();
      steps.push_back(h);
    }
    input = at::stack(steps, 1);
  }
  return input.select(1, -1);
}

std::string usage_message(const std::vector<std::string>& settings, const DataSpec& spec) {
  try {
    build_model("multi_timeframe_lstm", settings, spec);
  } catch (const Error& error) {
    CATCH_CHECK(error.exit_code() == ExitCode::kUsage);
    return error.what();
  }
  return "";
}

// Steps [first, first+count) of every input; the spec has windows of that length.
TensorMap cut(const TensorMap& inputs, int64_t first, int64_t count) {
  TensorMap part;
  for (const auto& [name, x] : inputs) part.set(name, x.narrow(1, first, count).contiguous());
  return part;
}

}  // namespace

CATCH_TEST_CASE("multi-timeframe lstm: mean fusion equals the network written out step by step", "[unit]") {
  const DataSpec spec = small_spec();
  const TensorMap inputs = random_inputs(spec, 5, 8);
  for (const bool training : {false, true}) {  // at::lstm, and the fused path
    const auto model = build_model("multi_timeframe_lstm", {"hidden=32", "dropout=0"}, spec);
    model->set_training(training);
    at::Tensor sum = at::zeros({5, 32}, at::kDouble);
    for (const auto& [name, x] : inputs) sum = sum + last_step(*model, "lstm_" + name, x, 2);
    const at::Tensor fused = sum / 3;
    const TensorMap all = model->parameters();
    const auto head = [&](const std::string& name) {
      return fused.matmul(all.at(name + ".weight").detach().to(at::kDouble).t()) +
             all.at(name + ".bias").detach().to(at::kDouble);
    };
    const TensorMap outputs = model->forward(inputs);
    CATCH_CHECK(max_difference(outputs.at("direction"), head("head_direction")) < 1e-6);
    const at::Tensor magnitude = head("head_magnitude").sigmoid().squeeze(1) * 4.5 + 0.5;
    CATCH_CHECK(max_difference(outputs.at("magnitude"), magnitude) < 1e-6);
  }
}

CATCH_TEST_CASE("multi-timeframe lstm: the fused path and the plain one train alike within 1e-5", "[unit]") {
  const DataSpec spec = small_spec(true);
  const TensorMap inputs = random_inputs(spec, 70, 9);
  for (const char* fusion : {"fusion=mean", "fusion=attention"}) {
    std::vector<TensorMap> outputs;
    std::vector<std::unique_ptr<Model>> models;
    for (const char* fused : {"fused_lstm=true", "fused_lstm=false"}) {
      models.push_back(build_model("multi_timeframe_lstm", {fused, fusion, "hidden=32", "dropout=0"}, spec));
      models.back()->set_training(true);
      outputs.push_back(models.back()->forward(inputs));
      (outputs.back().at("direction").pow(2).mean() + outputs.back().at("magnitude").mean()).backward();
    }
    for (const auto& [name, output] : outputs[0])
      CATCH_CHECK(max_difference(output, outputs[1].at(name)) < 1e-6);
    for (const auto& [name, parameter] : models[0]->parameters()) {
      CATCH_INFO(fusion << " " << name);
      const at::Tensor other = models[1]->parameters().at(name).grad();
      if (other.defined()) CATCH_CHECK(max_difference(parameter.grad(), other) < 1e-5);
    }
  }
}

CATCH_TEST_CASE("multi-timeframe lstm: training is the same bit for bit, run after run", "[unit]") {
  const DataSpec spec = small_spec(true);
  const TensorMap inputs = random_inputs(spec, 70, 9);
  std::vector<TensorMap> runs;
  for (int run = 0; run < 2; ++run) {
    const auto model = build_model("multi_timeframe_lstm", {"fusion=attention", "hidden=32"}, spec);
    model->set_training(true);
    at::manual_seed(4);
    model->forward(inputs).at("direction").pow(2).sum().backward();
    TensorMap grads;
    for (const auto& [name, parameter] : model->parameters())
      if (parameter.grad().defined()) grads.set(name, parameter.grad());
    runs.push_back(grads);
  }
  for (const auto& [name, grad] : runs[0]) CATCH_CHECK(max_difference(grad, runs[1].at(name)) == 0);
}

CATCH_TEST_CASE("multi-timeframe lstm: two half windows with carried state equal one whole window",
                "[unit]") {
  DataSpec whole = small_spec(), half = small_spec();
  for (auto& input : whole.inputs) input.shape = {20, 6};
  for (auto& input : half.inputs) input.shape = {10, 6};
  const TensorMap inputs = random_inputs(whole, 4, 10);
  for (const bool training : {false, true}) {
    CATCH_INFO("training " << training);
    const std::vector<std::string> settings = {"hidden=16", "dropout=0", "carry_state=true"};
    const auto model = build_model("multi_timeframe_lstm", settings, half);
    model->set_training(training);
    const at::Tensor wanted = model->forward(inputs).at("direction");
    model->set_state({});
    model->forward(cut(inputs, 0, 10));
    const TensorMap state = model->state();
    CATCH_CHECK(state.size() == 6);
    for (const auto& [name, tensor] : state) CATCH_CHECK(!tensor.requires_grad());
    CATCH_CHECK(max_difference(model->forward(cut(inputs, 10, 10)).at("direction"), wanted) < 1e-6);
    model->set_state(state);  // as a resumed run does
    CATCH_CHECK(max_difference(model->forward(cut(inputs, 10, 10)).at("direction"), wanted) < 1e-6);
    model->set_state({});
    CATCH_CHECK(max_difference(model->forward(cut(inputs, 10, 10)).at("direction"), wanted) > 1e-4);
  }
}

CATCH_TEST_CASE("multi-timeframe lstm: a batch of another size starts from zeros", "[unit]") {
  const DataSpec spec = small_spec();
  const auto model = build_model("multi_timeframe_lstm", {"hidden=16", "carry_state=true"}, spec);
  const TensorMap inputs = random_inputs(spec, 3, 11);
  const at::Tensor fresh = model->forward(inputs).at("direction");
  model->forward(random_inputs(spec, 5, 12));
  CATCH_CHECK(max_difference(model->forward(inputs).at("direction"), fresh) == 0);
  CATCH_CHECK(max_difference(model->forward(inputs).at("direction"), fresh) > 1e-4);
}

CATCH_TEST_CASE("multi-timeframe lstm: without carry_state nothing is carried", "[unit]") {
  const DataSpec spec = small_spec();
  const auto model = build_model("multi_timeframe_lstm", {"hidden=16"}, spec);
  const TensorMap inputs = random_inputs(spec, 3, 11);
  const at::Tensor first = model->forward(inputs).at("direction");
  CATCH_CHECK(model->state().empty());
  CATCH_CHECK(max_difference(model->forward(inputs).at("direction"), first) == 0);
}

CATCH_TEST_CASE("multi-timeframe lstm: outputs stay in their documented ranges", "[unit]") {
  const DataSpec spec = small_spec();
  TensorMap inputs = random_inputs(spec, 16, 13);
  for (auto& [name, x] : inputs) x = x * 50;
  const TensorMap mean =
      build_model("multi_timeframe_lstm", {"magnitude_min=2", "magnitude_max=3"}, spec)->forward(inputs);
  CATCH_CHECK((mean.at("magnitude").ge(2) & mean.at("magnitude").le(3)).all().item<bool>());
  const TensorMap attention =
      build_model("multi_timeframe_lstm", {"fusion=attention"}, spec)->forward(inputs);
  CATCH_CHECK(attention.names() == std::vector<std::string>{"direction", "magnitude", "magnitude_scalp",
                                                            "magnitude_swing", "trend"});
  CATCH_CHECK(attention.at("magnitude_scalp").ge(0).all().item<bool>());
  CATCH_CHECK(attention.at("trend").abs().le(1).all().item<bool>());
  CATCH_CHECK(max_difference(attention.at("magnitude"), attention.at("magnitude_swing")) == 0);
}

CATCH_TEST_CASE("multi-timeframe lstm: initial recurrent weights can be orthogonal, forget gates open",
                "[unit]") {
  const auto model = build_model("multi_timeframe_lstm",
                                 {"hidden=16", "orthogonal_init=true", "forget_bias=1"}, small_spec());
  const TensorMap all = model->parameters();
  const at::Tensor forget = all.at("lstm_M1.weight_hh_l1").detach().narrow(0, 16, 16);
  CATCH_CHECK(max_difference(forget.matmul(forget.t()), at::eye(16)) < 1e-5);
  const at::Tensor bias = (all.at("lstm_M1.bias_ih_l0") + all.at("lstm_M1.bias_hh_l0")).detach();
  CATCH_CHECK(max_difference(bias.narrow(0, 16, 16), at::ones({16})) == 0);
}

CATCH_TEST_CASE("multi-timeframe lstm: what the data lacks or a setting breaks is said before training",
                "[unit]") {
  const DataSpec spec = small_spec();
  CATCH_CHECK_THAT(usage_message({"inputs=[M1,D1]"}, spec),
                   Catch::Contains("no input 'D1'") && Catch::Contains("M1, M5, H1"));
  CATCH_CHECK_THAT(usage_message({"fusion=attention", "hidden=30"}, spec),
                   Catch::Contains("heads must divide"));
  CATCH_CHECK_THAT(usage_message({"magnitude_min=5"}, spec), Catch::Contains("range is empty"));
  DataSpec flat = spec;
  flat.inputs[1].shape = {12};
  CATCH_CHECK_THAT(usage_message({}, flat), Catch::Contains("input 'M5'") && Catch::Contains("[12]"));
  CATCH_CHECK_THAT(usage_message({}, DataSpec{}), Catch::Contains("no inputs"));
  DataSpec odd = small_spec(true);
  odd.constants.set("scale/M5", at::ones({5}));
  CATCH_CHECK_THROWS_WITH(build_model("multi_timeframe_lstm", {}, odd),
                          Catch::Contains("input 'M5'") && Catch::Contains("[6]") && Catch::Contains("[5]"));
}
