// The two encoders of a text tower and a vision tower side by side: what carries their outputs into one space
// and makes one vector of a pair. A folder of ours names the towers (docs/encoders.md):
//   encoder.json       {"kind": "colvbert", "text": "text", "vision": "vision", "width": 768, …}
//   heads.safetensors  the layers here; where it is missing they are drawn from "seed", with a warning
// Left out: dropout (inference), the similarity's scale.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "models/encoders/block.h"
#include "models/encoders/tower.h"

namespace athanor {

class HfConfig;
struct TwoTowerKind;

// encoder.json. Throws usage Error: a field that is missing, unknown or wrong.
struct TwoTowerConfig {
  explicit TwoTowerConfig(const std::string& folder);

  const TwoTowerKind* kind;
  std::string folder, text, vision;  // of it, and of the towers
  int64_t width = 768;               // of a vector
  int64_t heads = 8;                 // of the attention of text to patches
  bool cross_attention = false;
  uint64_t seed = 0;
  std::map<std::string, std::string> prompts;  // put before texts, by name
};
bool is_two_tower_folder(const std::string& folder);

// Vectors have L2 = 1. `each`: one for each token or patch, else one an input. counts [B,L] f32: 1 for a
// token that counts.
class TwoTowerHeads : public torch::nn::Module {
 public:
  // Throws usage Error: towers that do not fit, tensors missing, left over or of another shape.
  TwoTowerHeads(const TwoTowerConfig& config, const TextTower& text, const VisionTower& vision);

  // -> [B,W] or [B,L,W]
  at::Tensor texts(const TowerOutput& text, const at::Tensor& counts, bool each) const;
  // -> [B,W] or [B,P,W]
  at::Tensor images(const TowerOutput& image, bool each) const;
  // Row by row -> [B,W] or, for each token of the text with the image in it, [B,L,W]
  at::Tensor pairs(const TowerOutput& text, const at::Tensor& counts, const TowerOutput& image,
                   bool each) const;
  int64_t width() const { return width_; }

 private:
  // A linear layer, then what its kind has behind it.
  struct Layer {
    std::shared_ptr<Linear> linear;
    std::shared_ptr<LayerNorm> norm;  // or null
    Activation activation = Activation::kNone;
    at::Tensor forward(const at::Tensor& x) const;
  };
  Layer read_layer(const WeightScope& weights, const std::string& name, int64_t inputs, int64_t outputs,
                   Activation activation);
  at::Tensor attend(const at::Tensor& tokens, const at::Tensor& patches) const;

  const TwoTowerKind* kind_;
  int64_t width_, heads_;
  Layer text_, vision_, fusion_up_, fusion_down_;
  std::shared_ptr<Linear> query_, key_value_, out_;  // null: no cross-attention
};

}  // namespace athanor
