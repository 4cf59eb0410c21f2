#include "models/encoders/modern_vbert.h"

#include <ATen/TensorOperators.h>

#include "models/encoders/block.h"
#include "models/encoders/hf_folder.h"
#include "models/encoders/read_tower.h"
#include "models/encoders/sentence_head.h"
#include "src/core/error.h"
#include "src/core/text.h"

namespace athanor {

ColModernVbert::ColModernVbert(const std::string& folder) {
  const HfConfig all(folder + "/config.json");
  if (all.word("model_type") != "colmodernvbert") all.refuse("model_type", "colmodernvbert");
  const HfConfig config = all.section("vlm_config"), seen = config.section("vision_config");
  HfWeights weights(folder);
  const WeightScope own(weights, "vlm.");
  text_ = register_module("text",
                          read_text_tower(config.section("text_config"), own.in("text_model"), "modernbert"));
  vision_ = register_module("vision", read_vision_tower(seen, own.in("vision_model"), "siglip"));
  shuffle_ = config.size("pixel_shuffle_factor", 4);
  image_token_ = config.integer("image_token_id", 50407);
  side_ = vision_->image_size() / seen.size("patch_size", 16);
  if (side_ % shuffle_ != 0)
    config.refuse("pixel_shuffle_factor", text("a divisor of ", side_, " patches a side"));
  connector_ = register_module(
      "connector", read_linear(own, "connector.modality_projection", vision_->width() * shuffle_ * shuffle_,
                               text_->width(), /*bias=*/false));
  projection_ = register_module("projection", read_linear({weights, ""}, "embedding_proj_layer",
                                                          text_->width(), all.size("embedding_dim", 128)));
  weights.expect_all_taken({"position_ids", "vlm.vision_model.head."});
}

int64_t ColModernVbert::width() const { return projection_->outputs(); }

int64_t ColModernVbert::image_tokens() const { return side_ * side_ / (shuffle_ * shuffle_); }

// A square of patches becomes one row: pixels [N,3,H,W] -> [N T,D]
at::Tensor ColModernVbert::image_rows(const at::Tensor& pixels) const {
  const int64_t groups = side_ / shuffle_;
  const at::Tensor patches = vision_->forward(pixels)
                                 .hidden.unflatten(1, {groups, shuffle_, groups, shuffle_})
                                 .permute({0, 1, 3, 2, 4, 5})
                                 .flatten(3)
                                 .flatten(0, 2);
  return connector_->forward(patches);
}

at::Tensor ColModernVbert::forward(const at::Tensor& ids, const at::Tensor& mask,
                                   const at::Tensor& pixels) const {
  at::Tensor rows = text_->embed(ids);
  const at::Tensor stands_for_image = ids == image_token_;
  const int64_t images = pixels.defined() ? pixels.size(0) : 0,
                asked = stands_for_image.sum().item<int64_t>();
  if (asked != images * image_tokens())
    throw Error({.where = "images and their tokens",
                 .what = "do not match",
                 .expected = text(images, " images of ", image_tokens(), " tokens"),
                 .got = text(asked, " tokens")});
  if (images > 0) rows = rows.masked_scatter(stands_for_image.unsqueeze(-1), image_rows(pixels));
  const at::Tensor hidden = text_->forward_embedded(rows, mask).hidden;
  return l2_normalized(projection_->forward(hidden)) * mask.unsqueeze(-1);
}

}  // namespace athanor
