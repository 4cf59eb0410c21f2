// The source project's loss: cross entropy of the direction plus half a Huber loss (delta 1 pip) of the
// magnitude.
#include <ATen/TensorOperators.h>

#include "trainers/objective.h"
#include "trainers/objectives/losses.h"

namespace athanor {
namespace {

struct Config : ConfigStruct {
  double magnitude_weight = 0.5;
  double huber_delta = 1;
  ClassLossConfig direction;
  void list_fields(Fields& fields) override {
    fields.field("magnitude_weight", magnitude_weight, "of the magnitude beside the direction's 1",
                 kNonNegative);
    fields.field("huber_delta", huber_delta, "pips up to which the magnitude's loss is quadratic", kPositive);
    direction.list_fields(fields);
  }
};

class DirectionMagnitude : public Objective {
 public:
  explicit DirectionMagnitude(const Config& config)
      : config_(config), direction_loss_(config.direction, "direction") {}

  // outputs direction [B,3], magnitude [B]; labels direction [B] i64, magnitude [B] f32.
  Loss compute(const TensorMap& outputs, const TensorMap& labels) const override {
    const at::Tensor direction = direction_loss_(outputs.at("direction"), labels.at("direction"));
    const at::Tensor magnitude =
        huber_of(outputs.at("magnitude"), labels.at("magnitude"), config_.huber_delta, "magnitude");
    return {direction + config_.magnitude_weight * magnitude,
            {{"direction", direction.detach()}, {"magnitude", magnitude.detach()}}};
  }
  std::vector<std::string> needed_outputs() const override { return {"direction", "magnitude"}; }
  std::vector<std::string> needed_labels() const override { return {"direction", "magnitude"}; }

 private:
  Config config_;
  ClassLoss direction_loss_;
};

}  // namespace

ObjectiveComponent make_direction_magnitude() {
  return component<Config, Objective, const DataSpec&>(
      "direction_magnitude", "cross entropy of the direction + Huber of the magnitude",
      [](const Config& config, const DataSpec&) { return std::make_unique<DirectionMagnitude>(config); });
}

}  // namespace athanor
