// Claims about every registered model, in each of its forms.
#include <ATen/ATen.h>
#include <torch/nn/module.h>

#include <catch2/catch.hpp>

#include "src/core/error.h"
#include "tests/models/sample_data.h"

using namespace athanor;

namespace {

struct Form {
  std::string model;
  std::vector<std::string> settings;
};

// The defaults of every registered model, and the forms that settings make of them.
std::vector<Form> forms() {
  std::vector<Form> all;
  for (const auto& component : model_components()) all.push_back({component.name, {}});
  all.push_back({"micro_segformer", {"use_lmsa=false", "depths=[1,1,1,1]"}});
  all.push_back({"mlp", {"hidden=[]"}});
  all.push_back({"multi_timeframe_lstm", {"fusion=attention", "hidden=32", "ffn=64"}});
  all.push_back({"multi_timeframe_lstm", {"hidden=20", "layers=3", "layer_norm=always", "dropout=0"}});
  all.push_back(
      {"multi_timeframe_lstm", {"hidden=32", "orthogonal_init=true", "forget_bias=1", "fused_lstm=false"}});
  all.push_back(
      {"multi_timeframe_lstm",
       {"hidden=32", "ffn=64", "fusion=attention", "gate=false", "layer_norm=never", "carry_state=true"}});
  return all;
}

// claim(model, its form, the data that it takes), with raw inputs and constants.
template <class Claim>
void for_each_form(const Claim& claim) {
  for (const Form& form : forms()) {
    std::string settings;
    for (const auto& setting : form.settings) settings += " " + setting;
    CATCH_INFO(form.model << settings);
    const DataSpec spec = spec_for(form.model, true);
    const auto model = build_model(form.model, form.settings, spec);
    claim(*model, form, spec);
  }
}

// Of masks: cross entropy of a picture in three stripes. Else that of direction, and squared error of
// magnitude.
at::Tensor loss_of(Model& model, const TensorMap& inputs) {
  model.set_state({});
  const TensorMap outputs = model.forward(inputs);
  if (const at::Tensor* logits = outputs.find("logits")) {
    const at::Tensor rows = at::arange(logits->size(2)).mul(3).floor_divide(logits->size(2));
    return at::cross_entropy_loss(
        *logits, rows.view({1, -1, 1}).expand({logits->size(0), logits->size(2), logits->size(3)}));
  }
  const int64_t batch = outputs.at("direction").size(0);
  const at::Tensor target = at::arange(batch).remainder(3), pips = at::linspace(0.7, 3, batch);
  return at::cross_entropy_loss(outputs.at("direction"), target) +
         at::mse_loss(outputs.at("magnitude"), pips);
}

}  // namespace

CATCH_TEST_CASE(
    "models: every registered model gives logits of each pixel, or direction logits and a magnitude, for "
    "each "
    "sample",
    "[unit]") {
  for_each_form([](Model& model, const Form&, const DataSpec& spec) {
    const TensorMap outputs = model.forward(random_inputs(spec, 5, 1));
    if (spec.class_names.empty()) {
      CATCH_CHECK(outputs.at("direction").sizes().vec() == std::vector<int64_t>{5, 3});
      CATCH_CHECK(outputs.at("magnitude").sizes().vec() == std::vector<int64_t>{5});
    } else {
      CATCH_CHECK(outputs.at("logits").sizes().vec() == std::vector<int64_t>{5, 3, 64, 32});
    }
    for (const auto& [name, output] : outputs) CATCH_CHECK(output.isfinite().all().item<bool>());
  });
}

CATCH_TEST_CASE("models: the summary names every module, and counts what the parameters hold", "[unit]") {
  for_each_form([](Model& model, const Form&, const DataSpec&) {
    int64_t count = 0;
    for (const auto& [name, parameter] : model.parameters()) count += parameter.numel();
    CATCH_CHECK(parameter_count(model) == count);
    const std::string table = model_summary(model);
    for (const auto& child : model.module().named_children())
      CATCH_CHECK(table.find("\n  " + child.key()) != std::string::npos);
  });
  const auto mlp = build_model("mlp", {"hidden=[10]", "outputs={y: 1}"}, small_spec());
  CATCH_CHECK(parameter_count(*mlp) == (24 + 12 + 7) * 6 * 10 + 10 + 10 + 1);
  CATCH_CHECK_THAT(model_summary(*mlp), Catch::Contains("2,601"));
}

CATCH_TEST_CASE("models: every parameter gets a finite gradient, and not all zeros", "[unit]") {
  for_each_form([](Model& model, const Form&, const DataSpec& spec) {
    const TensorMap inputs = random_inputs(spec, 6, 2);
    model.set_training(true);
    at::Tensor loss = loss_of(model, inputs);
    model.set_state({});
    for (const auto& [name, output] : model.forward(inputs)) loss = loss + output.pow(2).sum();
    loss.backward();
    for (const auto& [name, parameter] : model.parameters()) {
      CATCH_INFO(name);
      CATCH_REQUIRE(parameter.grad().defined());
      CATCH_CHECK(parameter.grad().isfinite().all().item<bool>());
      CATCH_CHECK(parameter.grad().abs().max().item<double>() > 0);
    }
  });
}

CATCH_TEST_CASE("models: each overfits one batch", "[unit]") {
  for_each_form([](Model& model, const Form&, const DataSpec& spec) {
    const TensorMap inputs = random_inputs(spec, 6, 3);
    model.set_training(true);
    std::vector<at::Tensor> weights, first, second;
    for (const auto& [name, parameter] : model.parameters()) {
      weights.push_back(parameter);
      first.push_back(at::zeros_like(parameter));
      second.push_back(at::zeros_like(parameter));
    }
    const at::Tensor steps = at::zeros({});
    const double begin = loss_of(model, inputs).item<double>();
    for (int step = 0; step < 120; ++step) {
      loss_of(model, inputs).backward();
      const torch::NoGradGuard no_grad;
      std::vector<at::Tensor> used, grads, m, v;
      for (size_t i = 0; i < weights.size(); ++i)
        if (weights[i].grad().defined()) {
          used.push_back(weights[i]);
          grads.push_back(weights[i].grad());
          m.push_back(first[i]);
          v.push_back(second[i]);
        }
      steps.add_(1);
      at::_fused_adam_(used, grads, m, v, {}, std::vector<at::Tensor>(used.size(), steps), 5e-3, 0.9, 0.999,
                       0, 1e-8, false, false);
      for (at::Tensor& weight : weights) weight.mutable_grad() = at::Tensor();
    }
    model.set_training(false);
    CATCH_CHECK(loss_of(model, inputs).item<double>() < 0.2 * begin);
  });
}

CATCH_TEST_CASE("models: parameters and buffers, copied by name, make a second model say the same",
                "[unit]") {
  for_each_form([](Model& model, const Form& form, const DataSpec& spec) {
    const TensorMap inputs = random_inputs(spec, 4, 4);
    const auto copy = build_model(form.model, form.settings, spec, /*seed=*/99);
    const torch::NoGradGuard no_grad;
    CATCH_CHECK(copy->parameters().names() == model.parameters().names());
    for (const auto& [name, parameter] : model.parameters()) copy->parameters().at(name).copy_(parameter);
    for (const auto& [name, buffer] : model.buffers()) copy->buffers().at(name).copy_(buffer);
    const TensorMap outputs = copy->forward(inputs);
    for (const auto& [name, output] : model.forward(inputs))
      CATCH_CHECK(max_difference(outputs.at(name), output) == 0);
  });
}

CATCH_TEST_CASE("models: dropout is off in evaluation and on in training", "[unit]") {
  const DataSpec spec = small_spec(true);
  const TensorMap inputs = random_inputs(spec, 4, 5);
  for (const char* fused : {"fused_lstm=true", "fused_lstm=false"})
    for (const char* fusion : {"fusion=mean", "fusion=attention"}) {
      CATCH_INFO(fused << " " << fusion);
      const auto model = build_model("multi_timeframe_lstm", {fused, fusion, "hidden=32"}, spec);
      const auto direction = [&] { return model->forward(inputs).at("direction"); };
      CATCH_CHECK(max_difference(direction(), direction()) == 0);
      model->set_training(true);
      CATCH_CHECK(max_difference(direction(), direction()) > 1e-4);
    }
}

CATCH_TEST_CASE("models: raw inputs go through the training split's scaler, clipped at 10", "[unit]") {
  const DataSpec scaled = small_spec(true), plain = small_spec();
  const TensorMap inputs = random_inputs(plain, 4, 6);
  for (const Form& form : forms()) {
    if (form.model == "micro_segformer") continue;  // its pixels: micro_segformer_test.cpp
    CATCH_INFO(form.model);
    const auto inside = build_model(form.model, form.settings, scaled);
    const auto without = build_model(form.model, form.settings, plain);
    TensorMap raw, normal;
    for (const auto& [name, x] : inputs) {
      const at::Tensor wild = x.clone();
      wild[0][0][0] = 1e6;
      raw.set(name, wild);
      const at::Tensor z =
          (wild - scaled.constants.at("mean/" + name)) / scaled.constants.at("scale/" + name);
      normal.set(name, z.clamp(-10, 10));
    }
    const TensorMap wanted = without->forward(normal);
    for (const auto& [name, output] : inside->forward(raw))
      CATCH_CHECK(max_difference(output, wanted.at(name)) == 0);
  }
}
