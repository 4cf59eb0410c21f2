// An encoder of a folder: its towers and what makes vectors of their outputs. A vector does not depend on the
// other inputs of its batch nor on the padding (within 1e-6, fp32).
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "models/encoders/sentence_head.h"
#include "models/encoders/tower.h"

namespace athanor {

class ColModernVbert;
class TwoTowerHeads;

enum class InputKind { kTexts, kImages, kPairs };  // a pair: a text with an image

// One vector an input, or one for each of its tokens or patches (late interaction, Khattab and Zaharia 2020).
enum class VectorMode { kSingle, kMulti };

// What the vectors are. kEncoder, single: pooled as the folder says (modules.json; CLIP's projection; the
// heads of two towers; the masked mean of a bare text tower), L2 = 1 but where a modules.json says otherwise.
// kEncoder, multi: the last hidden states, projected where the folder has a projection for them, L2 = 1 each.
// kPooled: the tower's pooler output as it is. kHidden: the last hidden states as they are, which is multi.
enum class VectorKind { kEncoder, kPooled, kHidden };

// What weights are multiplied in. On a CPU with AMX activations and sums stay fp32, on one without it bf16 is
// that of weights and activations, as fp16 is on any, and both are on a GPU; int8 needs a CPU.
enum class EncoderPrecision { kFp32, kBf16, kFp16, kInt8 };
// By its name on the command line. Throws usage Error.
EncoderPrecision encoder_precision(const std::string& name);

// Some inputs of a kind. What the kind or the model does not read is undefined.
struct EncoderBatch {
  at::Tensor ids, mask;  // [B,L] i64; mask 1: the tower sees it
  at::Tensor counts;     // [B,L] i64, 1: pooling counts it; `mask` where undefined
  at::Tensor pixels;     // [B,3,H,W] f32, normalised; tiles of all images in order where they are cut up
};

class Encoder : public torch::nn::Module {
 public:
  // Throws usage Error (models/encoders/tower.h).
  explicit Encoder(const std::string& folder);
  ~Encoder() override;

  bool reads_text() const { return text_ != nullptr; }
  bool sees_images() const { return vision_ != nullptr; }
  bool fuses_pairs() const { return heads_ != nullptr || joint_ != nullptr; }
  const TextTower& text() const { return *text_; }
  const VisionTower& vision() const { return *vision_; }
  const std::string& folder() const { return folder_; }
  // Where the tokenizer and the image processor are.
  const std::string& text_folder() const { return text_folder_; }
  const std::string& vision_folder() const { return vision_folder_; }
  // Prompts of an encoder.json, by name.
  const std::map<std::string, std::string>& prompts() const { return prompts_; }
  bool counts_prompt() const { return head_ == nullptr || head_->includes_prompt(); }
  // The model whose images stand among the text's tokens, cut into tiles; null for all others.
  const ColModernVbert* joint() const { return joint_.get(); }

  // Of a vector. Throws usage Error where the model has no such output.
  int64_t width(InputKind input, VectorMode mode, VectorKind kind) const;
  // -> f32 [B,P], or [B,L,P] where rows of padding mean nothing: a row a token, or for images alone a patch.
  at::Tensor forward(InputKind input, const EncoderBatch& batch, VectorMode mode, VectorKind kind) const;
  // ids and mask [B,L] i64, counts as above -> as forward()
  at::Tensor texts(const at::Tensor& ids, const at::Tensor& mask, VectorMode mode, VectorKind kind,
                   const at::Tensor& counts = {}) const;
  // pixels [B,3,H,W], normalised -> as forward()
  at::Tensor images(const at::Tensor& pixels, VectorMode mode, VectorKind kind) const;

  // What these make of a tower's output.
  at::Tensor texts(const TowerOutput& out, const at::Tensor& counts, VectorMode mode, VectorKind kind) const;
  at::Tensor images(const TowerOutput& out, VectorMode mode, VectorKind kind) const;
  at::Tensor pairs(const TowerOutput& text, const at::Tensor& counts, const TowerOutput& image,
                   VectorMode mode) const;

  // For inference from now on, on this device, laid out for a CPU's kernels. Throws usage Error: int8 and a
  // GPU.
  void prepare(at::Device device, EncoderPrecision precision = EncoderPrecision::kFp32);
  EncoderPrecision precision() const { return precision_; }
  // Of the weights of all linear layers, as they are multiplied.
  int64_t weight_bytes() const;

 private:
  void read_two_towers();
  void read_one_folder();
  void expect_output(InputKind input, VectorMode mode, VectorKind kind) const;
  int64_t own_width(InputKind input) const;

  std::string folder_, text_folder_, vision_folder_;
  std::shared_ptr<TextTower> text_;
  std::shared_ptr<VisionTower> vision_;
  std::shared_ptr<Linear> text_projection_, vision_projection_;
  std::shared_ptr<SentenceHead> head_;
  std::shared_ptr<TwoTowerHeads> heads_;
  std::shared_ptr<ColModernVbert> joint_;
  std::map<std::string, std::string> prompts_;
  EncoderPrecision precision_ = EncoderPrecision::kFp32;
  at::ScalarType type_ = at::kFloat;  // of weights and activations
};

}  // namespace athanor
