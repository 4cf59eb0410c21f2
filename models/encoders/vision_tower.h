// Reads the towers that see images; see models/encoders/tower.h.
#pragma once

#include "models/encoders/tower.h"

namespace athanor {

class HfConfig;
class WeightScope;

// `config` is the vision config, `weights` where its tensors begin. model_type: "clip…", "siglip…", "blip…".
std::shared_ptr<VisionTower> read_vision_tower(const HfConfig& config, const WeightScope& weights,
                                               const std::string& model_type);

}  // namespace athanor
