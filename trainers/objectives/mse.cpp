// Mean squared error of one output against one label.
#include "trainers/objective.h"
#include "trainers/objectives/losses.h"

namespace athanor {
namespace {

struct Config : ConfigStruct {
  std::string output = "target";
  std::string label = "target";
  void list_fields(Fields& fields) override {
    fields.field("output", output, "the model's output", kNotEmpty);
    fields.field("label", label, "the label that it should equal", kNotEmpty);
  }
};

class Mse : public Objective {
 public:
  explicit Mse(const Config& config) : config_(config) {}
  // output and label [B,…] f32 of one shape.
  Loss compute(const TensorMap& outputs, const TensorMap& labels) const override {
    return {mse_of(outputs.at(config_.output), labels.at(config_.label), config_.output), {}};
  }
  std::vector<std::string> needed_outputs() const override { return {config_.output}; }
  std::vector<std::string> needed_labels() const override { return {config_.label}; }

 private:
  Config config_;
};

}  // namespace

ObjectiveComponent make_mse() {
  return component<Config, Objective, const DataSpec&>(
      "mse", "mean squared error of one output",
      [](const Config& config, const DataSpec&) { return std::make_unique<Mse>(config); });
}

}  // namespace athanor
