// Towers: encoders of text or of images, read from Hugging Face folders, equal to transformers' to 1e-5 in
// fp32. CLIP, SigLIP and BLIP see images; BERT, XLM-RoBERTa, CLIP, SigLIP and ModernBERT read text.
#pragma once

#include <torch/nn/module.h>

#include <memory>
#include <string>

namespace athanor {

struct TowerOutput {
  at::Tensor hidden;  // [B,L,D], transformers' last_hidden_state
  at::Tensor pooled;  // [B,P], its pooler_output; undefined where the model has none
};

class TextTower : public torch::nn::Module {
 public:
  // ids [B,L] i64, mask [B,L] i64 (1: a token, 0: padding)
  virtual TowerOutput forward(const at::Tensor& ids, const at::Tensor& mask) const = 0;
  // The rows that forward() makes of ids, and what it does with them: for models that put images among them.
  virtual at::Tensor embed(const at::Tensor& ids) const = 0;
  virtual TowerOutput forward_embedded(const at::Tensor& embedded, const at::Tensor& mask) const = 0;
  virtual int64_t width() const = 0;
  virtual int64_t pooled_width() const = 0;  // 0: no pooled output
  bool pools() const { return pooled_width() > 0; }
  virtual int64_t ids() const = 0;          // token ids: 0 to one less
  virtual int64_t longest() const = 0;      // tokens
  virtual int64_t padding_id() const = 0;   // what stands where there is no token
  virtual bool is_full_length() const = 0;  // every text is padded to longest(), and padding is seen (SigLIP)
};

class VisionTower : public torch::nn::Module {
 public:
  // pixels [B,3,H,W], normalised -> hidden [B,L,D]: L patches, behind the class token where there is one
  virtual TowerOutput forward(const at::Tensor& pixels) const = 0;
  // forward().pooled, in less time where the last block need not know all patches.
  virtual at::Tensor pooled(const at::Tensor& pixels) const = 0;
  virtual int64_t width() const = 0;
  virtual bool pools() const = 0;
  virtual int64_t image_size() const = 0;  // pixels of a side
};

class Linear;

// The towers of a folder, and what carries their pooled outputs into one space (CLIP); null where it has no
// such one.
struct Towers {
  std::string model_type;
  std::shared_ptr<TextTower> text;
  std::shared_ptr<VisionTower> vision;
  std::shared_ptr<Linear> text_projection, vision_projection;
};
// Throws usage Error: a kind of model that is not known, a config that lacks a field, weights that do not fit
// it or that no part of it takes.
Towers read_towers(const std::string& folder);

}  // namespace athanor
