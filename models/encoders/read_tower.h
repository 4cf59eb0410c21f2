// Reads one tower; see models/encoders/tower.h. `config` is the tower's own config, `weights` where its
// tensors begin. Both throw usage Error where they do not fit each other.
#pragma once

#include "models/encoders/tower.h"

namespace athanor {

class HfConfig;
class WeightScope;

// model_type: "bert", "xlm-roberta", "clip…", "siglip…", "modernbert".
std::shared_ptr<TextTower> read_text_tower(const HfConfig& config, const WeightScope& weights,
                                           const std::string& model_type);
// model_type: "clip…", "siglip…", "blip…".
std::shared_ptr<VisionTower> read_vision_tower(const HfConfig& config, const WeightScope& weights,
                                               const std::string& model_type);

}  // namespace athanor
