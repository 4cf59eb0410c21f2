// A stack of linear layers in one node against one operation after another.
#include <ATen/ATen.h>
#include <torch/types.h>

#include <catch2/catch.hpp>

#include "models/layers/dense_stack.h"
#include "tests/models/sample_data.h"

using namespace athanor;

CATCH_TEST_CASE("dense stack: one node gives the outputs and gradients of layer after layer", "[unit]") {
  at::manual_seed(2);
  const at::Tensor x = at::randn({6, 5});
  std::vector<at::Tensor> layers;
  for (const auto& shape : std::vector<std::vector<int64_t>>{{8, 5}, {8}, {7, 8}, {7}, {3, 7}, {3}})
    layers.push_back(at::randn(shape).requires_grad_());
  for (const bool relu_last : {false, true}) {
    std::vector<std::vector<at::Tensor>> grads;
    std::vector<at::Tensor> outputs;
    for (const bool one_node : {true, false}) {
      // Where x wants a gradient, the stack goes operation by operation.
      const at::Tensor input = one_node ? x : x.clone().requires_grad_();
      outputs.push_back(dense_stack(input, layers, relu_last));
      (outputs.back() * at::linspace(-1, 1, 18).view({6, 3})).sum().backward();
      grads.emplace_back();
      for (at::Tensor& layer : layers) {
        grads.back().push_back(layer.grad());
        layer.mutable_grad() = at::Tensor();
      }
    }
    CATCH_CHECK(max_difference(outputs[0], outputs[1]) < 1e-6);
    for (size_t i = 0; i < layers.size(); ++i) CATCH_CHECK(max_difference(grads[0][i], grads[1][i]) < 1e-5);
  }
}

CATCH_TEST_CASE("dense stack: a weight changed between forward and backward is noticed", "[unit]") {
  std::vector<at::Tensor> layers = {at::ones({2, 3}).requires_grad_(), at::ones({2}).requires_grad_()};
  const at::Tensor total = dense_stack(at::ones({4, 3}), layers, false).sum();
  {
    const torch::NoGradGuard no_grad;
    layers[0].add_(1);
  }
  CATCH_CHECK_THROWS_WITH(total.backward(), Catch::Contains("modified by an inplace operation"));
}
