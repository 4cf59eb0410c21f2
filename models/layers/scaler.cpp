// Normalisation by fitted constants. The clip keeps one freak tick from saturating a whole window.
#include "models/layers/scaler.h"

#include <ATen/ops/clamp.h>

#include "src/core/error.h"
#include "src/core/text.h"

namespace athanor {
namespace {

constexpr double kClip = 10;

}  // namespace

Scaler::Scaler(const at::Tensor& mean, const at::Tensor& scale) {
  if (!mean.defined()) return;
  if (!scale.gt(0).all().item<bool>())
    throw Error({.what = "a feature's scale is not positive", .hint = "prepare the data again"});
  mean_ = register_buffer("mean", mean.to(at::kFloat).clone());
  scale_ = register_buffer("scale", scale.to(at::kFloat).clone());
}

at::Tensor Scaler::forward(const at::Tensor& x) const {
  if (!mean_.defined()) return x;
  return at::clamp((x.to(at::kFloat) - mean_) / scale_, -kClip, kClip);
}

std::shared_ptr<Scaler> make_scaler(const DataSpec& spec, const std::string& name) {
  const at::Tensor* mean = spec.constants.find("mean/" + name);
  const at::Tensor* scale = spec.constants.find("scale/" + name);
  if (mean == nullptr && scale == nullptr) return std::make_shared<Scaler>(at::Tensor(), at::Tensor());
  const TensorSpec* input = spec.find_input(name);
  const std::vector<int64_t> wanted = {input->shape.back()};
  for (const at::Tensor* constant : {mean, scale}) {
    const std::string got = constant == nullptr ? "none" : shape_text(constant->sizes().vec());
    if (got != shape_text(wanted))
      throw Error({.where = "constants of input '" + name + "'",
                   .what = "mean and scale do not fit the features",
                   .expected = shape_text(wanted),
                   .got = got});
  }
  return std::make_shared<Scaler>(*mean, *scale);
}

}  // namespace athanor
