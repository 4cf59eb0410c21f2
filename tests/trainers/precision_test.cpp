// Autocast, the loss scale, and which precision goes where.
#include <ATen/ATen.h>

#include <catch2/catch.hpp>

#include "src/core/error.h"
#include "tests/trainers/toy.h"
#include "trainers/precision.h"

using namespace athanor;
using Catch::Matchers::Contains;

CATCH_TEST_CASE("precision: fp16 on a CPU is refused with a way out", "[unit]") {
  CATCH_CHECK_THROWS_WITH(parse_precision("fp16", at::kCPU), Contains("bf16"));
  CATCH_CHECK(parse_precision("fp16", at::Device(at::kCUDA, 0)) == Precision::kFp16);
  CATCH_CHECK(parse_precision("bf16", at::kCPU) == Precision::kBf16);
}

CATCH_TEST_CASE("precision: autocast lasts as long as its guard", "[unit]") {
  const at::Tensor a = at::ones({4, 4}), b = at::ones({4, 4});
  {
    const AutocastGuard guard(at::kBFloat16, at::kCPU);
    CATCH_CHECK(a.matmul(b).scalar_type() == at::kBFloat16);
  }
  CATCH_CHECK(a.matmul(b).scalar_type() == at::kFloat);
  const AutocastGuard none(at::ScalarType::Undefined, at::kCPU);
  CATCH_CHECK(a.matmul(b).scalar_type() == at::kFloat);
}

CATCH_TEST_CASE("precision: bf16 training computes losses in fp32 and keeps weights in fp32", "[unit]") {
  ToyOptions options;
  options.trainer.precision = "bf16";
  options.trainer.max_epochs = 1;
  int64_t losses = 0;
  Toy toy(options, std::make_unique<WatchedObjective>(make_toy_objective("direction_magnitude"),
                                                      [&](const TensorMap& outputs) {
                                                        ++losses;
                                                        for (const auto& [name, tensor] : outputs)
                                                          CATCH_REQUIRE(tensor.scalar_type() == at::kFloat);
                                                      }));
  toy.run();
  CATCH_CHECK(losses > 0);
  for (const auto& [name, parameter] : toy.model().parameters())
    CATCH_CHECK(parameter.scalar_type() == at::kFloat);
}

CATCH_TEST_CASE("scaler: halves on an infinity, doubles after 2000 good steps, and unscales", "[unit]") {
  GradScaler scaler(true, at::kCPU);
  CATCH_CHECK(scaler.scale().item<float>() == 65536);
  std::vector<at::Tensor> gradients = {at::full({3}, 65536.0f), at::full({2}, -65536.0f)};
  at::Tensor found_inf = scaler.unscale(gradients);
  CATCH_CHECK(found_inf.item<float>() == 0);
  CATCH_CHECK(gradients[0].equal(at::ones({3})));
  gradients[1][0] = std::numeric_limits<float>::infinity();
  found_inf = scaler.unscale(gradients);
  CATCH_CHECK(found_inf.item<float>() == 1);
  scaler.update(found_inf);
  CATCH_CHECK(scaler.scale().item<float>() == 32768);
  for (int step = 0; step < 2000; ++step) scaler.update(at::zeros({}));
  CATCH_CHECK(scaler.scale().item<float>() == 65536);
}

CATCH_TEST_CASE("scaler: its growth count goes out and comes back", "[unit]") {
  GradScaler first(true, at::kCPU), second(true, at::kCPU);
  for (int step = 0; step < 1999; ++step) first.update(at::zeros({}));
  TensorMap saved;
  for (const auto& [name, tensor] : first.state()) saved.set("scaler/" + name, tensor.clone());
  second.load_state(saved, "scaler/");
  second.update(at::zeros({}));
  CATCH_CHECK(second.scale().item<float>() == 131072);
}
