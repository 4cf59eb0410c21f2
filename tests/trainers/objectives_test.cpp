// Losses against sums written out, and what they say where outputs and labels do not fit.
#include <ATen/ATen.h>

#include <catch2/catch.hpp>
#include <cmath>

#include "src/core/error.h"
#include "tests/trainers/toy.h"

using namespace athanor;
using Catch::Matchers::Contains;

namespace {

const at::Tensor kLogits = at::tensor({1.0f, 2.0f, 0.5f, -1.0f, 0.0f, 1.0f}).view({2, 3});
const at::Tensor kClasses = at::tensor({1, 2}, at::kLong);

double negative_log_softmax(int row) {
  double sum = 0;
  for (int c = 0; c < 3; ++c) sum += std::exp(kLogits[row][c].item<double>());
  return std::log(sum) - kLogits[row][kClasses[row].item<int64_t>()].item<double>();
}

double huber(double error, double delta) {
  const double size = std::abs(error);
  return size <= delta ? error * error / 2 : delta * (size - delta / 2);
}

}  // namespace

CATCH_TEST_CASE("direction_magnitude: cross entropy plus half a Huber loss", "[unit]") {
  const TensorMap outputs{{"direction", kLogits}, {"magnitude", at::tensor({1.0f, 4.0f})}};
  const TensorMap labels{{"direction", kClasses}, {"magnitude", at::tensor({1.5f, 1.0f})}};
  const Loss loss = make_toy_objective("direction_magnitude")->compute(outputs, labels);
  const double direction = (negative_log_softmax(0) + negative_log_softmax(1)) / 2;
  const double magnitude = (huber(0.5, 1) + huber(3, 1)) / 2;
  CATCH_CHECK(loss.parts.at("direction").item<double>() == Approx(direction));
  CATCH_CHECK(loss.parts.at("magnitude").item<double>() == Approx(magnitude));
  CATCH_CHECK(loss.total.item<double>() == Approx(direction + 0.5 * magnitude));
}

CATCH_TEST_CASE("multi_head: four losses by their weights", "[unit]") {
  TensorMap outputs{{"direction", kLogits}}, labels{{"direction", kClasses}};
  for (const char* name : {"magnitude_scalp", "magnitude_swing", "trend"}) {
    outputs.set(name, at::tensor({1.0f, 0.0f}));
    labels.set(name, at::tensor({0.8f, 2.0f}));
  }
  const double direction = (negative_log_softmax(0) + negative_log_softmax(1)) / 2;
  const double scalp = (huber(0.2, 0.3) + huber(2, 0.3)) / 2, swing = (huber(0.2, 0.5) + huber(2, 0.5)) / 2;
  const double trend = (0.04 + 4) / 2;
  const Loss loss = make_toy_objective("multi_head")->compute(outputs, labels);
  CATCH_CHECK(loss.total.item<double>() ==
              Approx(.40 * direction + .35 * scalp + .15 * swing + .10 * trend).epsilon(1e-6));
  CATCH_CHECK(loss.parts.at("magnitude_swing").item<double>() == Approx(swing).epsilon(1e-6));
  const auto trend_only = make_toy_objective(
      "multi_head", {"direction_weight=0", "scalp_weight=0", "swing_weight=0", "trend_weight=2"});
  CATCH_CHECK(trend_only->compute(outputs, labels).total.item<double>() == Approx(2 * trend).epsilon(1e-6));
}

CATCH_TEST_CASE("cross_entropy: class weights and label smoothing are torch's", "[unit]") {
  const TensorMap outputs{{"y", kLogits}}, labels{{"c", kClasses}};
  const auto objective = make_toy_objective(
      "cross_entropy", {"output=y", "label=c", "class_weights=[1, 2, 3]", "label_smoothing=0.1"});
  const double expected = at::cross_entropy_loss(kLogits, kClasses, at::tensor({1.0f, 2.0f, 3.0f}),
                                                 at::Reduction::Mean, -100, 0.1)
                              .item<double>();
  CATCH_CHECK(objective->compute(outputs, labels).total.item<double>() == Approx(expected));
}

CATCH_TEST_CASE("objectives: outputs and labels that do not fit are refused in words", "[unit]") {
  const auto mse = make_toy_objective("mse", {"output=y", "label=y"});
  CATCH_CHECK_THROWS_WITH(mse->compute({{"y", at::zeros({4, 1})}}, {{"y", at::zeros({4})}}),
                          Contains("[4,1]") && Contains("[4]"));
  CATCH_CHECK_THROWS_WITH(mse->compute({{"z", at::zeros({4})}}, {{"y", at::zeros({4})}}), Contains("'y'"));
  const auto classes = make_toy_objective("cross_entropy", {"output=y", "label=c"});
  CATCH_CHECK_THROWS_WITH(classes->compute({{"y", kLogits}}, {{"c", at::tensor({1, 3}, at::kLong)}}),
                          Contains("0 to 2") && Contains("1 to 3"));
  const auto weighted = make_toy_objective("cross_entropy", {"output=y", "label=c", "class_weights=[1, 2]"});
  CATCH_CHECK_THROWS_WITH(weighted->compute({{"y", kLogits}}, {{"c", kClasses}}), Contains("class_weights"));
}
