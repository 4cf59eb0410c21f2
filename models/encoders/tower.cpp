// What stands where in the folders of each kind of model: alone or side by side, with the prefixes of
// transformers 4 (`vision_model.`) or without them (5).
#include "models/encoders/tower.h"

#include <vector>

#include "models/encoders/block.h"
#include "models/encoders/hf_folder.h"
#include "models/encoders/read_tower.h"
#include "src/core/error.h"
#include "src/core/text.h"

namespace athanor {
namespace {

// A kind of model: where its parts' configs and tensors are, and what belongs to other tasks.
struct Kind {
  const char* model_type;
  const char *text_config, *vision_config;                  // "": the config itself; null: no such tower
  std::vector<std::string> text_prefixes, vision_prefixes;  // the first one under which there are embeddings
  std::vector<std::string> passed_over;
};

const std::vector<Kind>& kinds() {
  static const std::vector<std::string> bert_heads = {"cls.",         "lm_head.", "classifier.",
                                                      "position_ids", "score.",   "qa_outputs."};
  static const std::vector<Kind> all = {
      {"bert", "", nullptr, {"", "bert."}, {}, bert_heads},
      {"xlm-roberta", "", nullptr, {"", "roberta."}, {}, bert_heads},
      {"modernbert", "", nullptr, {"", "model."}, {}, {"head.", "decoder.", "classifier."}},
      {"clip",
       "text_config",
       "vision_config",
       {"text_model."},
       {"vision_model."},
       {"logit_scale", "position_ids"}},
      {"clip_text_model", "", nullptr, {"text_model.", ""}, {}, {"position_ids"}},
      {"clip_vision_model", nullptr, "", {}, {"vision_model.", ""}, {"position_ids"}},
      {"siglip",
       "text_config",
       "vision_config",
       {"text_model."},
       {"vision_model."},
       {"logit_scale", "logit_bias", "position_ids"}},
      {"siglip_text_model", "", nullptr, {"text_model.", ""}, {}, {"position_ids"}},
      {"siglip_vision_model", nullptr, "", {}, {"vision_model.", ""}, {"position_ids"}},
      {"blip",
       nullptr,
       "vision_config",
       {},
       {"vision_model."},
       {"text_decoder.", "text_encoder.", "text_model.", "itm_head.", "vision_proj.", "text_proj.",
        "visual_projection.", "text_projection.", "logit_scale", "position_ids"}},
      {"blip_vision_model", nullptr, "", {}, {"vision_model.", ""}, {"position_ids"}}};
  return all;
}

const Kind& kind_of(const HfConfig& config) {
  const std::string model_type = config.word("model_type");
  std::string known;
  for (const Kind& kind : kinds()) {
    if (model_type == kind.model_type) return kind;
    known += text(known.empty() ? "" : ", ", kind.model_type);
  }
  config.refuse("model_type", known);
}

WeightScope scope_of(HfWeights& weights, const std::vector<std::string>& prefixes,
                     const std::vector<std::string>& probes) {
  for (const std::string& prefix : prefixes)
    for (const std::string& probe : probes)
      if (weights.has(prefix + probe)) return {weights, prefix};
  return {weights, prefixes.back()};
}

}  // namespace

Towers read_towers(const std::string& folder) {
  const HfConfig config(folder + "/config.json");
  const Kind& kind = kind_of(config);
  HfWeights weights(folder);
  const auto part = [&](const char* name) { return *name == '\0' ? config : config.section(name); };
  Towers towers;
  towers.model_type = kind.model_type;
  if (kind.text_config != nullptr)
    towers.text =
        read_text_tower(part(kind.text_config),
                        scope_of(weights, kind.text_prefixes,
                                 {"embeddings.word_embeddings.weight", "embeddings.token_embedding.weight",
                                  "embeddings.tok_embeddings.weight"}),
                        kind.model_type);
  if (kind.vision_config != nullptr)
    towers.vision = read_vision_tower(
        part(kind.vision_config),
        scope_of(weights, kind.vision_prefixes, {"embeddings.patch_embedding.weight"}), kind.model_type);
  if (towers.model_type == "clip") {
    const WeightScope all(weights, "");
    const int64_t size = config.size("projection_dim", 512);
    towers.text_projection = read_linear(all, "text_projection", towers.text->width(), size, false);
    towers.vision_projection = read_linear(all, "visual_projection", towers.vision->width(), size, false);
  }
  weights.expect_all_taken(kind.passed_over);
  return towers;
}

}  // namespace athanor
