// Mean squared and absolute error and R² of one output against one label, over all their values, beside the
// mean of the training split's label. Definitions as in scikit-learn.
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <numeric>

#include "src/core/error.h"
#include "src/core/text.h"
#include "trainers/evaluator.h"

namespace athanor {
namespace {

struct RegressionConfig : ConfigStruct {
  std::string output = "target";
  std::string label = "target";

  void list_fields(Fields& fields) override {
    fields.field("output", output, "the model's output to judge", kNotEmpty);
    fields.field("label", label, "the data's label to judge it by", kNotEmpty);
  }
};

struct Errors {
  double mse = 0, mae = 0, r2 = 0;
};

using Values = std::vector<double>;

Values flat(const at::Tensor& tensor) {
  const at::Tensor plain = tensor.to(at::kCPU, at::kDouble).contiguous();
  const double* first = plain.const_data_ptr<double>();
  return {first, first + plain.numel()};
}

double mean_of(const Values& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

// A constant truth has no R²: 1 for a perfect guess, else 0.
Errors errors_of(const Values& said, const Values& truth) {
  const double middle = mean_of(truth);
  const auto count = static_cast<double>(truth.size());
  double squares = 0, absolutes = 0, spread = 0;
  for (size_t i = 0; i < truth.size(); ++i) {
    const double error = said[i] - truth[i];
    squares += error * error;
    absolutes += std::abs(error);
    spread += (truth[i] - middle) * (truth[i] - middle);
  }
  const double r2 = spread > 0 ? 1 - squares / spread : (squares == 0 ? 1 : 0);
  return {.mse = squares / count, .mae = absolutes / count, .r2 = r2};
}

class RegressionEvaluator : public Evaluator {
 public:
  explicit RegressionEvaluator(const RegressionConfig& config) : config_(config) {}

  Report evaluate(const Predictions& predictions, const TensorMap& train_labels, bool full) const override {
    const Values truth = flat(predictions.labels.at(config_.label));
    const Values said = flat(predictions.outputs.at(config_.output));
    if (said.size() != truth.size() || truth.empty())
      throw Error({.where = text("output '", config_.output, "', label '", config_.label, "'"),
                   .what = "cannot be compared",
                   .expected = shape_text(predictions.labels.at(config_.label).sizes().vec()),
                   .got = shape_text(predictions.outputs.at(config_.output).sizes().vec())});
    const Errors model = errors_of(said, truth);
    Report report{.scalars = {{"mse", model.mse}, {"mae", model.mae}, {"r2", model.r2}}};
    if (!full) return report;
    const double train_mean = mean_of(flat(train_labels.at(config_.label)));
    const Errors baseline = errors_of(Values(truth.size(), train_mean), truth);
    report.json = json(predictions, model, baseline, train_mean);
    report.table = table(predictions, model, baseline);
    return report;
  }

 private:
  std::string json(const Predictions& predictions, const Errors& model, const Errors& baseline,
                   double train_mean) const {
    const auto entry = [](const Errors& errors) {
      return nlohmann::ordered_json{{"mse", errors.mse}, {"mae", errors.mae}, {"r2", errors.r2}};
    };
    nlohmann::ordered_json json{{"evaluator", "regression"},
                                {"samples", predictions.labels.at(config_.label).size(0)},
                                {"output", config_.output},
                                {"label", config_.label},
                                {"loss", predictions.loss}};
    for (const auto& [name, value] : predictions.loss_parts) json["loss_parts"][name] = value;
    json["metrics"] = {{"model", entry(model)}, {"train_mean", entry(baseline)}};
    json["train_mean"] = train_mean;
    return json.dump(2);
  }

  std::string table(const Predictions& predictions, const Errors& model, const Errors& baseline) const {
    char buffer[512];
    std::snprintf(
        buffer, sizeof(buffer),
        "%ld samples of '%s'\nloss %.6g\n\n%-16s %14s %14s\n%-16s %14.6g %14.6g\n%-16s %14.6g %14.6g\n"
        "%-16s %14.6g %14.6g\n",
        static_cast<long>(predictions.labels.at(config_.label).size(0)), config_.label.c_str(),
        predictions.loss, "", "model", "train mean", "MSE", model.mse, baseline.mse, "MAE", model.mae,
        baseline.mae, "R2", model.r2, baseline.r2);
    return buffer;
  }

  RegressionConfig config_;
};

}  // namespace

EvaluatorComponent make_regression() {
  return component<RegressionConfig, Evaluator, const DataSpec&>(
      "regression", "squared and absolute error and R2 of one output",
      [](const RegressionConfig& config, const DataSpec&) {
        return std::make_unique<RegressionEvaluator>(config);
      });
}

}  // namespace athanor
