// Linear layers as they multiply after pack().
#include "models/encoders/linear.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>

#include <catch2/catch.hpp>

namespace athanor {
namespace {

struct Shape {
  int64_t rows, inputs, outputs;
};
const Shape kShapes[] = {{1, 1, 1}, {3, 31, 33}, {17, 64, 5}, {40, 384, 100}};

at::Tensor output(Linear& layer, const at::Tensor& x, Activation activation = Activation::kGelu) {
  const c10::InferenceMode inference;
  return layer.forward(x, activation);
}

}  // namespace

CATCH_TEST_CASE("linear: packed in fp32 it gives what ATen gives", "[unit]") {
  for (const bool on_tiles : {false, can_multiply_packed()})
    for (const auto& [rows, inputs, outputs] : kShapes) {
      at::manual_seed(1);
      const at::Tensor x = at::randn({2, rows, inputs});
      Linear layer(at::randn({outputs, inputs}) / std::sqrt(inputs), at::randn({outputs}));
      const at::Tensor wanted = layer.forward(x, Activation::kGelu);
      layer.pack(ProductPrecision::kFp32, on_tiles);
      CATCH_INFO(rows << " x " << inputs << ", tiles " << on_tiles);
      CATCH_CHECK((output(layer, x) - wanted).abs().max().item<double>() < 8e-6);  // mostly ATen's own
    }
}

CATCH_TEST_CASE("linear: int8 products are the same numbers with tiles and without", "[unit]") {
  if (!can_multiply_packed()) CATCH_WARN("skipped: this CPU has no AMX tiles");
  for (const auto& [rows, inputs, outputs] : kShapes) {
    at::manual_seed(2);
    at::Tensor x = at::randn({2, rows, inputs});
    x[0][0].zero_();
    Linear layer(at::randn({outputs, inputs}) / std::sqrt(inputs), at::randn({outputs}));
    const at::Tensor exact = layer.forward(x, Activation::kNone);
    layer.pack(ProductPrecision::kInt8, false);
    const at::Tensor plain = output(layer, x, Activation::kNone);
    CATCH_CHECK((plain - exact).abs().max().item<double>() < 0.06);
    if (!can_multiply_packed()) continue;
    layer.pack(ProductPrecision::kInt8);
    CATCH_CHECK((output(layer, x, Activation::kNone) - plain).abs().max().item<double>() < 2e-6);
  }
}

CATCH_TEST_CASE("linear: int8 weights take a quarter of fp32's bytes", "[unit]") {
  Linear layer(at::randn({64, 128}), {});
  const int64_t before = layer.weight_bytes();
  CATCH_CHECK(before == 64 * 128 * 4);
  layer.pack(ProductPrecision::kInt8, false);
  CATCH_CHECK(layer.weight_bytes() == 64 * 128 + 64 * 4);
}

}  // namespace athanor
