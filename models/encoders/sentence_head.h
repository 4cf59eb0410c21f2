// What comes behind a text tower in a sentence-transformers folder (modules.json): pooling of the tokens,
// dense layers, L2 normalisation. Reimers and Gurevych 2019. Left out: weighted pooling, modules of other
// kinds, which are refused by name.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "models/encoders/linear.h"

namespace athanor {

enum class TokenPooling { kMean, kMeanSqrtLength, kMax, kFirst, kLast };

class SentenceHead : public torch::nn::Module {
 public:
  // `width` of the tower. Without a modules.json: the masked mean, normalised. Throws usage Error.
  SentenceHead(const std::string& folder, int64_t width);
  // hidden [B,L,D], mask [B,L] (1: counts) -> [B,P]
  at::Tensor forward(const at::Tensor& hidden, const at::Tensor& mask) const;
  int64_t width() const { return width_; }
  bool normalizes() const { return normalizes_; }
  bool includes_prompt() const { return includes_prompt_; }

 private:
  void read_module(const std::string& folder, const std::string& type, const std::string& path);
  void read_pooling(const std::string& file);
  void read_dense(const std::string& folder);

  int64_t width_;
  std::vector<TokenPooling> poolings_;                           // their vectors side by side
  std::vector<std::pair<std::shared_ptr<Linear>, bool>> dense_;  // and whether tanh follows
  bool normalizes_ = false, includes_prompt_ = true;
};

// hidden [B,L,D], counts [B,L] (1: counts) -> the mean of those that count, [B,D]; 0 where none does
at::Tensor masked_mean(const at::Tensor& hidden, const at::Tensor& counts);

// x [...,D] / max(|x|, 1e-12), as torch.nn.functional.normalize
at::Tensor l2_normalized(const at::Tensor& x);

}  // namespace athanor
