// An encoder of a folder: its towers and what makes vectors of their outputs. A vector does not depend on the
// other inputs of its batch nor on the padding (within 1e-6, fp32).
#pragma once

#include <memory>
#include <string>

#include "models/encoders/sentence_head.h"
#include "models/encoders/tower.h"

namespace athanor {

// One vector an input, or one for each of its tokens or patches (late interaction, Khattab and Zaharia 2020).
enum class VectorMode { kSingle, kMulti };

// What the vectors are. kEncoder, single: pooled as the folder says (modules.json; CLIP's projection; the
// masked mean of a bare text tower), L2 = 1 but where a modules.json says otherwise. kEncoder, multi: the
// last hidden states, L2 = 1 each. kPooled: the tower's pooler output as it is. kHidden: the last hidden
// states as they are, which is multi.
enum class VectorKind { kEncoder, kPooled, kHidden };

class Encoder : public torch::nn::Module {
 public:
  // Throws usage Error (models/encoders/tower.h).
  explicit Encoder(const std::string& folder);

  bool reads_text() const { return towers_.text != nullptr; }
  bool sees_images() const { return towers_.vision != nullptr; }
  const TextTower& text() const { return *towers_.text; }
  const VisionTower& vision() const { return *towers_.vision; }
  // Of a vector. Throws usage Error where the model has no such output.
  int64_t text_width(VectorMode mode, VectorKind kind) const;
  int64_t image_width(VectorMode mode, VectorKind kind) const;

  // ids and mask [B,L] i64 -> f32 [B,P], or [B,L,P] where rows of padding mean nothing. counts [B,L] (1: a
  // token that pooling counts); `mask` where not given.
  at::Tensor texts(const at::Tensor& ids, const at::Tensor& mask, VectorMode mode, VectorKind kind,
                   const at::Tensor& counts = {}) const;
  // pixels [B,3,H,W], normalised -> f32 [B,P] or [B,L,P]
  at::Tensor images(const at::Tensor& pixels, VectorMode mode, VectorKind kind) const;

  // What texts() and images() make of a tower's output with kSingle and kEncoder, f32 [B,P]; only where the
  // width above says that there is such a vector.
  at::Tensor text_vectors(const TowerOutput& out, const at::Tensor& counts) const;
  at::Tensor image_vectors(const TowerOutput& out) const;

  // For inference from now on: on this device and in this type (f32, or bf16), laid out for a CPU's kernels.
  void prepare(at::Device device, at::ScalarType type);

 private:
  std::string folder_;
  Towers towers_;
  std::shared_ptr<SentenceHead> head_;
  at::ScalarType type_ = at::kFloat;
};

}  // namespace athanor
