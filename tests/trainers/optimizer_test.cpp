// The fused updates against torch::optim, and the options that it does not have.
#include <ATen/ATen.h>
#include <torch/optim/adam.h>
#include <torch/optim/adamw.h>
#include <torch/optim/sgd.h>

#include <catch2/catch.hpp>

#include "src/core/error.h"
#include "trainers/optimizer.h"

using namespace athanor;
using Catch::Matchers::Contains;

namespace {

constexpr int kSteps = 20;

// Few numbers take the small step, many the fused kernels.
TensorMap make_parameters(uint64_t seed, int64_t width = 17) {
  at::manual_seed(seed);
  TensorMap parameters;
  parameters.set("weight", at::randn({33, width}).requires_grad_());
  parameters.set("bias", at::randn({33}).requires_grad_());
  return parameters;
}

// A quadratic whose gradients change from step to step.
void make_gradients(const TensorMap& parameters, int step) {
  for (const auto& [name, parameter] : parameters) {
    at::Tensor handle = parameter;
    handle.mutable_grad() = ((parameter.detach() - 0.1 * step) * (1 + 0.01 * step)).sin();
  }
}

double largest_difference(const TensorMap& a, const TensorMap& b) {
  double largest = 0;
  for (const auto& [name, tensor] : a)
    largest = std::max(largest, (tensor - b.at(name)).abs().max().item<double>());
  return largest;
}

template <class Torch, class Options>
double difference_from(const OptimizerConfig& config, const Options& options, int64_t width) {
  const TensorMap ours = make_parameters(3, width), theirs = make_parameters(3, width);
  std::vector<at::Tensor> list;
  for (const auto& [name, parameter] : theirs) list.push_back(parameter);
  Optimizer optimizer(config, ours);
  Torch torch_optimizer(list, options);
  for (int step = 0; step < kSteps; ++step) {
    make_gradients(ours, step);
    make_gradients(theirs, step);
    optimizer.step(config.lr);
    torch_optimizer.step();
  }
  return largest_difference(ours, theirs);
}

template <class Torch, class Options>
double difference_from(const OptimizerConfig& config, const Options& options) {
  return std::max(difference_from<Torch>(config, options, 17), difference_from<Torch>(config, options, 2000));
}

}  // namespace

CATCH_TEST_CASE("optimizer: fused AdamW, Adam and SGD make torch::optim's steps", "[unit][parity]") {
  OptimizerConfig config;
  config.lr = 0.01;
  config.weight_decay = 0.1;
  config.beta1 = 0.8;
  config.beta2 = 0.95;
  const auto betas = std::make_tuple(config.beta1, config.beta2);
  config.name = "adamw";
  CATCH_CHECK(difference_from<torch::optim::AdamW>(
                  config, torch::optim::AdamWOptions(0.01).weight_decay(0.1).betas(betas)) < 1e-6);
  config.name = "adam";
  CATCH_CHECK(difference_from<torch::optim::Adam>(
                  config, torch::optim::AdamOptions(0.01).weight_decay(0.1).betas(betas)) < 1e-6);
  config.name = "sgd";
  for (const bool nesterov : {false, true}) {
    config.nesterov = nesterov;
    CATCH_CHECK(difference_from<torch::optim::SGD>(
                    config, torch::optim::SGDOptions(0.01).weight_decay(0.1).momentum(0.9).nesterov(
                                nesterov)) < 1e-6);
  }
  config.nesterov = false;
  config.momentum = 0;
  CATCH_CHECK(difference_from<torch::optim::SGD>(config, torch::optim::SGDOptions(0.01).weight_decay(0.1)) <
              1e-6);
}

CATCH_TEST_CASE("optimizer: a step with found_inf changes neither weights nor state", "[unit]") {
  for (const char* name : {"adamw", "adam", "sgd"}) {
    CATCH_INFO(name);
    OptimizerConfig config;
    config.name = name;
    const TensorMap parameters = make_parameters(5);
    Optimizer optimizer(config, parameters);
    make_gradients(parameters, 1);
    optimizer.step(0.1);
    TensorMap before;
    for (const auto& [key, tensor] : parameters) before.set(key, tensor.detach().clone());
    for (const auto& [key, tensor] : optimizer.state()) before.set("state/" + key, tensor.clone());
    make_gradients(parameters, 2);
    optimizer.step(0.1, at::ones({}));
    for (const auto& [key, tensor] : parameters) CATCH_CHECK(tensor.equal(before.at(key)));
    for (const auto& [key, tensor] : optimizer.state()) CATCH_CHECK(tensor.equal(before.at("state/" + key)));
    optimizer.step(0.1, at::zeros({}));
    CATCH_CHECK_FALSE(parameters.at("weight").equal(before.at("weight")));
  }
}

CATCH_TEST_CASE("optimizer: no_decay_1d decays matrices alone", "[unit]") {
  OptimizerConfig config;
  config.no_decay_1d = true;
  config.weight_decay = 0.5;
  const TensorMap parameters = make_parameters(7);
  const at::Tensor weight = parameters.at("weight").detach().clone(),
                   bias = parameters.at("bias").detach().clone();
  Optimizer optimizer(config, parameters);
  for (const auto& [name, parameter] : parameters) {
    at::Tensor handle = parameter;
    handle.mutable_grad() = at::zeros_like(parameter);
  }
  optimizer.step(0.1);
  CATCH_CHECK(parameters.at("bias").equal(bias));
  CATCH_CHECK(parameters.at("weight").allclose(weight * (1 - 0.1 * 0.5)));
}

CATCH_TEST_CASE("optimizer: state goes out and comes back", "[unit]") {
  OptimizerConfig config;
  const TensorMap a = make_parameters(9), b = make_parameters(9);
  Optimizer first(config, a), second(config, b);
  make_gradients(a, 1);
  make_gradients(b, 1);
  first.step(0.1);
  for (const auto& [name, parameter] : b) parameter.detach().copy_(a.at(name).detach());
  TensorMap saved;
  for (const auto& [name, tensor] : first.state()) saved.set("optimizer/" + name, tensor.clone());
  second.load_state(saved, "optimizer/");
  make_gradients(a, 2);
  make_gradients(b, 2);
  first.step(0.1);
  second.step(0.1);
  CATCH_CHECK(largest_difference(a, b) == 0);

  CATCH_CHECK_THROWS_WITH(second.load_state({}, "optimizer/"), Contains("optimizer/step"));
  saved.set("optimizer/exp_avg/bias", at::zeros({4}));
  CATCH_CHECK_THROWS_WITH(second.load_state(saved, "optimizer/"), Contains("[33]") && Contains("[4]"));
}

CATCH_TEST_CASE("optimizer: parameters without a gradient stay as they are", "[unit]") {
  const TensorMap parameters = make_parameters(11);
  const at::Tensor bias = parameters.at("bias").detach().clone();
  Optimizer optimizer({}, parameters);
  at::Tensor weight = parameters.at("weight");
  weight.mutable_grad() = at::ones_like(weight);
  optimizer.step(0.1);
  CATCH_CHECK(parameters.at("bias").equal(bias));
  CATCH_CHECK(optimizer.gradients().size() == 1);
  CATCH_CHECK(optimizer.gradient_names() == std::vector<std::string>{"weight"});
  optimizer.zero_gradients();
  CATCH_CHECK(optimizer.gradients().empty());
}

CATCH_TEST_CASE("optimizer: clipping scales all gradients by one factor, and only when they are too large",
                "[unit]") {
  std::vector<at::Tensor> gradients = {at::full({2, 2}, 3.0f), at::full({4}, 4.0f)};
  const double norm = std::sqrt(4 * 9 + 4 * 16);
  CATCH_CHECK(clip_gradients(gradients, 20).item<double>() == Approx(norm));
  CATCH_CHECK(gradients[0].equal(at::full({2, 2}, 3.0f)));
  clip_gradients(gradients, 1);
  CATCH_CHECK(gradients[0][0][0].item<double>() == Approx(3 / norm).epsilon(1e-5));
  CATCH_CHECK(gradients[1][0].item<double>() == Approx(4 / norm).epsilon(1e-5));
}
