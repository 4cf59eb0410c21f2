#include <ATen/ops/tensor.h>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "src/core/files.h"
#include "trainers/evaluator.h"
#include "trainers/evaluators/confusion.h"

namespace athanor {
namespace {

using Json = nlohmann::ordered_json;

Json golden() {
  return Json::parse(read_file(ATHANOR_SOURCE_DIR "/tests/trainers/evaluators/metrics_golden.json"));
}

double scalar(const Report& report, const std::string& name) {
  for (const auto& [known, value] : report.scalars)
    if (known == name) return value;
  throw std::runtime_error("no scalar " + name);
}

at::Tensor floats(const Json& list) { return at::tensor(list.get<std::vector<double>>()).to(at::kFloat); }

Predictions predictions_of(const Json& one) {
  const auto rows = one["logits"].get<std::vector<std::vector<double>>>();
  std::vector<double> flat;
  for (const auto& row : rows) flat.insert(flat.end(), row.begin(), row.end());
  Predictions predictions;
  predictions.outputs.set("direction", at::tensor(flat).to(at::kFloat).reshape({-1, 3}));
  predictions.labels.set("direction", at::tensor(one["truth"].get<std::vector<int64_t>>()));
  return predictions;
}

CATCH_TEST_CASE("market: metrics equal scikit-learn's", "[unit][parity]") {
  const DataSpec spec;
  const auto evaluator = EvaluatorChoice(evaluator_components(), "market").make(spec);
  for (const Json& one : golden()["classification"]) {
    CATCH_INFO(one["name"]);
    const Report report = evaluator->evaluate(predictions_of(one), {}, false);
    for (const char* name : {"accuracy", "balanced_accuracy", "macro_f1", "mcc", "log_loss"}) {
      CATCH_INFO(name);
      CATCH_CHECK(scalar(report, name) == Approx(one[name].get<double>()).epsilon(1e-9).margin(1e-12));
    }
  }
}

CATCH_TEST_CASE("market: confusion matrix and the rows of classes equal scikit-learn's", "[unit][parity]") {
  const auto evaluator = EvaluatorChoice(evaluator_components(), "market").make(DataSpec());
  for (const Json& one : golden()["classification"]) {
    CATCH_INFO(one["name"]);
    const Predictions predictions = predictions_of(one);
    const Json report = Json::parse(evaluator->evaluate(predictions, predictions.labels, true).json);
    CATCH_CHECK(report["confusion"]["counts"] == one["confusion"]);
    for (size_t k = 0; k < 3; ++k)
      for (const char* name : {"precision", "recall", "f1"})
        CATCH_CHECK(report["classes"][k][name].get<double>() ==
                    Approx(one[name][k].get<double>()).margin(1e-12));
  }
}

CATCH_TEST_CASE("regression: metrics equal scikit-learn's", "[unit][parity]") {
  const Json one = golden()["regression"];
  Predictions predictions;
  predictions.outputs.set("target", floats(one["said"]));
  predictions.labels.set("target", floats(one["truth"]));
  const auto evaluator = EvaluatorChoice(evaluator_components(), "regression").make(DataSpec());
  const Report report = evaluator->evaluate(predictions, {}, false);
  for (const char* name : {"mse", "mae", "r2"})
    CATCH_CHECK(scalar(report, name) == Approx(one[name].get<double>()).epsilon(1e-9));
}

}  // namespace
}  // namespace athanor
