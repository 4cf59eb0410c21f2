// Reads the towers that read text; see models/encoders/tower.h.
#pragma once

#include "models/encoders/tower.h"

namespace athanor {

class HfConfig;
class WeightScope;

// `config` is the text config, `weights` where its tensors begin. model_type: "bert", "xlm-roberta",
// "clip…", "siglip…", "modernbert".
std::shared_ptr<TextTower> read_text_tower(const HfConfig& config, const WeightScope& weights,
                                           const std::string& model_type);

}  // namespace athanor
