// Counts against what the layers' sizes say.
#include <catch2/catch.hpp>

#include "models/flops.h"
#include "tests/models/sample_data.h"

using namespace athanor;

CATCH_TEST_CASE("flops: a perceptron costs two operations a weight", "[unit]") {
  const DataSpec spec = small_spec(true);
  const int64_t inputs = (24 + 12 + 7) * 6;
  const auto mlp = build_model("mlp", {"hidden=[10,20]", "outputs={a: 3, b: 1}"}, spec);
  CATCH_CHECK(forward_flops(*mlp, spec) == 2 * (inputs * 10 + 10 * 20 + 20 * 4));
}

CATCH_TEST_CASE("flops: LSTMs cost two operations a weight of their matrices and step", "[unit]") {
  const DataSpec spec = small_spec();
  const auto model = build_model("multi_timeframe_lstm", {"hidden=20", "layers=2"}, spec);
  const int64_t lstm = 2 * 4 * 20 * (6 + 20 + 20 + 20) * (24 + 12 + 7), heads = 2 * 20 * (3 + 1);
  CATCH_CHECK(forward_flops(*model, spec) == lstm + heads);
}

CATCH_TEST_CASE("flops: attention, gate and heads are counted once", "[unit]") {
  const DataSpec spec = small_spec();
  const std::vector<std::string> common = {"hidden=16", "layers=1", "heads=2", "ffn=24", "fusion=attention"};
  const auto with = [&](const std::string& gate) {
    auto settings = common;
    settings.push_back("gate=" + gate);
    return forward_flops(*build_model("multi_timeframe_lstm", settings, spec), spec);
  };
  CATCH_CHECK(with("true") - with("false") == 2 * 16 * 16);
  constexpr int64_t kSteps = 24 + 12 + 7, kProjection = 2 * 16 * 16;
  const int64_t lstms = 2 * 4 * 16 * (6 + 16) * kSteps, heads = 2 * 16 * 6;
  // A query and an output projection a timeframe, keys and values of every step, two products of scores.
  const int64_t pooling = 3 * 2 * kProjection + kSteps * 2 * kProjection + 2 * kSteps * (16 + 16);
  // Over 3 tokens: four projections, two products of scores, two linear layers.
  const int64_t encoder = 3 * 4 * kProjection + 2 * 3 * 3 * (16 + 16) + 3 * 2 * 2 * 16 * 24;
  CATCH_CHECK(with("false") == lstms + pooling + encoder + heads);
}
