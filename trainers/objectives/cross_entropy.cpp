// Cross entropy of one output's logits against one label's classes.
#include "trainers/objective.h"
#include "trainers/objectives/losses.h"

namespace athanor {
namespace {

struct Config : ConfigStruct {
  std::string output = "direction";
  std::string label = "direction";
  ClassLossConfig classes;
  void list_fields(Fields& fields) override {
    fields.field("output", output, "the model's output: logits", kNotEmpty);
    fields.field("label", label, "the label: classes from 0", kNotEmpty);
    classes.list_fields(fields);
  }
};

class CrossEntropy : public Objective {
 public:
  explicit CrossEntropy(const Config& config) : config_(config), loss_(config.classes, config.output) {}
  // output [B,C] f32, label [B] i64.
  Loss compute(const TensorMap& outputs, const TensorMap& labels) const override {
    return {loss_(outputs.at(config_.output), labels.at(config_.label)), {}};
  }
  std::vector<std::string> needed_outputs() const override { return {config_.output}; }
  std::vector<std::string> needed_labels() const override { return {config_.label}; }

 private:
  Config config_;
  ClassLoss loss_;
};

}  // namespace

ObjectiveComponent make_cross_entropy() {
  return component<Config, Objective, const DataSpec&>(
      "cross_entropy", "cross entropy of one output",
      [](const Config& config, const DataSpec&) { return std::make_unique<CrossEntropy>(config); });
}

}  // namespace athanor
