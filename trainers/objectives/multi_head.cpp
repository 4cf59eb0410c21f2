// The loss that the source project's specification wants: four heads, weighted .40 cross entropy of the
// direction, .35 and .15 Huber of the magnitude at two horizons, .10 squared error of the trend.
#include <ATen/TensorOperators.h>

#include "trainers/objective.h"
#include "trainers/objectives/losses.h"

namespace athanor {
namespace {

struct Config : ConfigStruct {
  double direction_weight = 0.40;
  double scalp_weight = 0.35;
  double swing_weight = 0.15;
  double trend_weight = 0.10;
  double scalp_delta = 0.3;
  double swing_delta = 0.5;
  ClassLossConfig direction;
  void list_fields(Fields& fields) override {
    fields.field("direction_weight", direction_weight, "of the direction's cross entropy", kNonNegative);
    fields.field("scalp_weight", scalp_weight, "of magnitude_scalp's Huber loss", kNonNegative);
    fields.field("swing_weight", swing_weight, "of magnitude_swing's Huber loss", kNonNegative);
    fields.field("trend_weight", trend_weight, "of the trend's squared error", kNonNegative);
    fields.field("scalp_delta", scalp_delta, "pips up to which magnitude_scalp's loss is quadratic",
                 kPositive);
    fields.field("swing_delta", swing_delta, "pips up to which magnitude_swing's loss is quadratic",
                 kPositive);
    direction.list_fields(fields);
  }
};

class MultiHead : public Objective {
 public:
  explicit MultiHead(const Config& config)
      : config_(config), direction_loss_(config.direction, "direction") {}

  // outputs direction [B,3], the others [B]; labels direction [B] i64, the others [B] f32.
  Loss compute(const TensorMap& outputs, const TensorMap& labels) const override {
    const auto pair = [&](const char* name) { return std::pair(outputs.at(name), labels.at(name)); };
    const auto [scalp_value, scalp_label] = pair("magnitude_scalp");
    const auto [swing_value, swing_label] = pair("magnitude_swing");
    const auto [trend_value, trend_label] = pair("trend");
    const at::Tensor direction = direction_loss_(outputs.at("direction"), labels.at("direction"));
    const at::Tensor scalp = huber_of(scalp_value, scalp_label, config_.scalp_delta, "magnitude_scalp");
    const at::Tensor swing = huber_of(swing_value, swing_label, config_.swing_delta, "magnitude_swing");
    const at::Tensor trend = mse_of(trend_value, trend_label, "trend");
    return {config_.direction_weight * direction + config_.scalp_weight * scalp +
                config_.swing_weight * swing + config_.trend_weight * trend,
            {{"direction", direction.detach()},
             {"magnitude_scalp", scalp.detach()},
             {"magnitude_swing", swing.detach()},
             {"trend", trend.detach()}}};
  }
  std::vector<std::string> needed_outputs() const override {
    return {"direction", "magnitude_scalp", "magnitude_swing", "trend"};
  }
  std::vector<std::string> needed_labels() const override { return needed_outputs(); }

 private:
  Config config_;
  ClassLoss direction_loss_;
};

}  // namespace

ObjectiveComponent make_multi_head() {
  return component<Config, Objective, const DataSpec&>(
      "multi_head", "weighted losses of direction, two magnitudes and trend",
      [](const Config& config, const DataSpec&) { return std::make_unique<MultiHead>(config); });
}

}  // namespace athanor
