// Attention on tiles against the plain way, on awkward shapes.
#include "src/ops/attention.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

namespace athanor {
namespace {

struct Shape {
  int64_t batch, heads, length, width;
};

struct Case {
  explicit Case(Shape s, bool padded = false)
      : qkv(static_cast<size_t>(s.batch * s.length * 3 * s.heads * s.width)) {
    std::mt19937 engine(7);
    std::normal_distribution<float> normal;
    for (float& x : qkv) x = 1.5F * normal(engine);
    out.resize(qkv.size() / 3);
    const int64_t row = 3 * s.heads * s.width;
    attention = {.q = qkv.data(),
                 .k = qkv.data() + s.heads * s.width,
                 .v = qkv.data() + 2 * s.heads * s.width,
                 .batch_stride = s.length * row,
                 .head_stride = s.width,
                 .row_stride = row,
                 .out = out.data(),
                 .batch = s.batch,
                 .heads = s.heads,
                 .length = s.length,
                 .width = s.width};
    if (!padded) return;
    mask.assign(static_cast<size_t>(s.batch * s.length), 0);
    for (int64_t b = 0; b < s.batch; ++b)
      for (int64_t i = s.length - 1 - b; i < s.length; ++i)
        mask[static_cast<size_t>(b * s.length + i)] = std::numeric_limits<float>::lowest();
    attention.mask = mask.data();
    attention.mask_batch_stride = s.length;
  }
  void attend() { attend_heads(attention, 0, attention.batch * attention.heads); }
  double difference() {
    attend();
    const std::vector<float> ours = out;
    attend_plain(attention);
    double most = 0;
    for (size_t i = 0; i < out.size(); ++i)
      most = std::max(most, static_cast<double>(std::abs(out[i] - ours[i])));
    return most;
  }
  std::vector<float> qkv, out, mask;
  Attention attention;
};

const Shape kShapes[] = {{1, 1, 1, 1},   {2, 3, 5, 7},   {1, 2, 16, 32}, {2, 1, 17, 64},
                         {1, 2, 33, 80}, {1, 1, 64, 21}, {1, 2, 65, 32}, {1, 1, 197, 64}};

bool can_test() {
  if (can_multiply_packed()) return true;
  CATCH_WARN("skipped: this CPU has no AMX tiles");
  return false;
}

}  // namespace

CATCH_TEST_CASE("attention: fp32 equals the plain way on awkward shapes, with padding and without",
                "[unit]") {
  if (!can_test()) return;
  for (const Shape& shape : kShapes)
    for (const bool padded : {false, true}) {
      if (padded && shape.length < 5) continue;
      CATCH_INFO(shape.length << " x " << shape.width);
      CATCH_CHECK(Case(shape, padded).difference() < 3e-6);
    }
}

CATCH_TEST_CASE("attention: bf16 is near", "[unit]") {
  if (!can_test()) return;
  for (const Shape& shape : kShapes) {
    Case c(shape);
    c.attention.precision = ProductPrecision::kBf16;
    CATCH_CHECK(c.difference() < 0.1);
  }
}

CATCH_TEST_CASE("attention: padding behind the keys changes no bit", "[unit]") {
  if (!can_test()) return;
  const int64_t kept = 37, width = 32;
  Case padded({1, 1, 70, width}), alone({1, 1, kept, width});
  alone.qkv.assign(padded.qkv.begin(), padded.qkv.begin() + kept * 3 * width);
  padded.mask.assign(70, 0);
  for (size_t i = kept; i < 70; ++i) padded.mask[i] = std::numeric_limits<float>::lowest();
  padded.attention.mask = padded.mask.data();
  alone.attention.q = alone.qkv.data();
  alone.attention.k = alone.qkv.data() + width;
  alone.attention.v = alone.qkv.data() + 2 * width;
  padded.attend();
  alone.attend();
  CATCH_CHECK(std::equal(alone.out.begin(), alone.out.end(), padded.out.begin()));
}

}  // namespace athanor
