// Packed products against the plain way, on awkward shapes.
#include "src/ops/packed_product.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <random>
#include <vector>

namespace athanor {
namespace {

std::vector<float> numbers(int64_t count, uint32_t seed) {
  std::mt19937 engine(seed);
  std::normal_distribution<float> normal;
  std::vector<float> out(static_cast<size_t>(count));
  for (float& x : out) x = normal(engine);
  return out;
}

struct Shape {
  int64_t rows, inputs, outputs;
};

// A product whose memory it owns. y has a margin on its right that nothing may touch.
struct Case {
  Case(Shape shape, ProductPrecision precision, Activation activation = Activation::kNone)
      : x(numbers(shape.rows * (shape.inputs + 3), 1)),
        weight(numbers(shape.outputs * shape.inputs, 2)),
        bias(numbers(shape.outputs, 3)),
        y(static_cast<size_t>(shape.rows * (shape.outputs + 5)), kUntouched),
        packed(weight.data(), shape.outputs, shape.inputs, precision) {
    product = {.x = x.data(),
               .rows = shape.rows,
               .x_stride = shape.inputs + 3,
               .weight = &packed,
               .bias = bias.data(),
               .activation = activation,
               .y = y.data(),
               .y_stride = shape.outputs + 5};
  }
  void multiply(int64_t threads = 1) {
    const ProductParts parts = split_product(product, threads);
    for (int64_t part = 0; part < parts.count(); ++part) multiply_part(product, parts, part);
  }
  std::vector<float> plain() {
    std::vector<float> out(y.size(), kUntouched);
    PackedProduct copy = product;
    copy.y = out.data();
    multiply_plain(copy, weight.data());
    return out;
  }
  static constexpr float kUntouched = -12345;
  std::vector<float> x, weight, bias, y;
  PackedWeight packed;
  PackedProduct product;
};

// The largest difference, in units of what a sum of so many products of normal numbers is.
double difference(Case& c) {
  c.multiply();
  const std::vector<float> wanted = c.plain();
  double most = 0;
  for (size_t i = 0; i < wanted.size(); ++i) {
    if (wanted[i] == Case::kUntouched && c.y[i] != wanted[i]) return 1e9;
    most = std::max(most, static_cast<double>(std::abs(wanted[i] - c.y[i])));
  }
  return most / std::sqrt(static_cast<double>(c.packed.inputs()));
}

const Shape kShapes[] = {{1, 1, 1},     {1, 768, 768},  {5, 31, 33},    {16, 32, 32},
                         {17, 33, 16},  {31, 64, 65},   {33, 100, 7},   {64, 768, 96},
                         {300, 65, 40}, {40, 1537, 50}, {70, 3072, 100}};

bool can_test() {
  if (can_multiply_packed()) return true;
  CATCH_WARN("skipped: this CPU has no AMX tiles");
  return false;
}

}  // namespace

CATCH_TEST_CASE("packed product: fp32 is as exact as fp32 arithmetic on awkward shapes", "[unit]") {
  if (!can_test()) return;
  for (const Shape& shape : kShapes) {
    Case c(shape, ProductPrecision::kFp32);
    CATCH_INFO(shape.rows << " x " << shape.inputs << " x " << shape.outputs);
    CATCH_CHECK(difference(c) < 2e-6);
  }
}

CATCH_TEST_CASE("packed product: bf16 and int8 equal the same roundings with exact sums", "[unit]") {
  if (!can_test()) return;
  for (const ProductPrecision precision : {ProductPrecision::kBf16, ProductPrecision::kInt8})
    for (const Shape& shape : kShapes) {
      Case c(shape, precision);
      CATCH_INFO(shape.rows << " x " << shape.inputs << " x " << shape.outputs);
      CATCH_CHECK(difference(c) < 2e-6);
    }
}

CATCH_TEST_CASE("packed product: activations behind it", "[unit]") {
  if (!can_test()) return;
  for (const Activation activation : {Activation::kGelu, Activation::kGeluTanh, Activation::kQuickGelu,
                                      Activation::kRelu, Activation::kSilu}) {
    Case c({40, 50, 70}, ProductPrecision::kFp32, activation);
    CATCH_CHECK(difference(c) < 1e-6);
  }
}

CATCH_TEST_CASE("packed product: a row does not depend on the rows beside it nor on threads", "[unit]") {
  if (!can_test()) return;
  for (const ProductPrecision precision :
       {ProductPrecision::kFp32, ProductPrecision::kBf16, ProductPrecision::kInt8}) {
    Case all({600, 800, 70}, precision, Activation::kGelu),
        split({600, 800, 70}, precision, Activation::kGelu),
        alone({1, 800, 70}, precision, Activation::kGelu);
    all.multiply(1);
    split.multiply(3);
    alone.multiply(2);
    CATCH_CHECK(all.y == split.y);
    CATCH_CHECK(std::equal(alone.y.begin(), alone.y.begin() + 70, all.y.begin()));
  }
}

CATCH_TEST_CASE("packed product: a weight takes 6, 2 or 1 bytes a number", "[unit]") {
  const std::vector<float> weight = numbers(64 * 128, 1);
  const auto bytes = [&](ProductPrecision precision) {
    return PackedWeight(weight.data(), 64, 128, precision).bytes();
  };
  CATCH_CHECK(bytes(ProductPrecision::kFp32) == 64 * 128 * 6);
  CATCH_CHECK(bytes(ProductPrecision::kBf16) == 64 * 128 * 2);
  CATCH_CHECK(bytes(ProductPrecision::kInt8) == 64 * 128 + 64 * 4);
}

}  // namespace athanor
