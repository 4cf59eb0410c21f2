// ColModernVBERT (Teiletche et al. 2025; transformers' ColModernVBertForRetrieval): SigLIP 2 sees the images,
// a pixel shuffle and a linear layer make rows of them, which stand among the text's in ModernBERT; a vector
// a token for late interaction. Left out: padded images (batches hold whole ones only).
#pragma once

#include "models/encoders/tower.h"

namespace athanor {

class ColModernVbert : public torch::nn::Module {
 public:
  // Throws usage Error (models/encoders/tower.h).
  explicit ColModernVbert(const std::string& folder);
  // ids, mask [B,L] i64, where each image has image_tokens() ids image_token(); pixels [N,3,H,W], the images
  // of all rows in order, or undefined -> [B,L,128], L2 = 1, padding 0. Throws Error where the ids ask for
  // another number of images.
  at::Tensor forward(const at::Tensor& ids, const at::Tensor& mask, const at::Tensor& pixels) const;
  int64_t width() const;
  int64_t image_token() const { return image_token_; }
  int64_t image_tokens() const;  // rows an image becomes
  const std::shared_ptr<TextTower>& text_tower() const { return text_; }
  const std::shared_ptr<VisionTower>& vision_tower() const { return vision_; }

 private:
  at::Tensor image_rows(const at::Tensor& pixels) const;

  std::shared_ptr<TextTower> text_;
  std::shared_ptr<VisionTower> vision_;
  std::shared_ptr<Linear> connector_, projection_;
  int64_t shuffle_ = 4, image_token_ = 0, side_ = 0;  // side_: patches
};

}  // namespace athanor
