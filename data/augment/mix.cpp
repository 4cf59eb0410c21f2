#include "data/augment/mix.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/tensor.h>

#include <algorithm>

namespace athanor {
namespace {

bool pastes(const SampleChange& change) { return change.paste.width > 0 && change.paste.height > 0; }

// [...,H,W] -> the box of it
at::Tensor boxed(const at::Tensor& plane, const PixelBox& box) {
  return plane.narrow(-2, static_cast<int64_t>(box.y), static_cast<int64_t>(box.height))
      .narrow(-1, static_cast<int64_t>(box.x), static_cast<int64_t>(box.width));
}

// The samples of one tensor and those of the samples that are their partners, which are read before they are
// written, but for the first.
struct Partnered {
  at::Tensor own, first;
  explicit Partnered(const at::Tensor& all) : own(all), first(all.select(0, 0).clone()) {}
  at::Tensor partner(int64_t i) const { return i + 1 == own.size(0) ? first : own.select(0, i + 1); }
  void paste(int64_t i, const PixelBox& box) const {
    boxed(own.select(0, i), box).copy_(boxed(partner(i), box));
  }
};

// [B,1,1,1] on `like`'s device: how much of each sample is its partner's.
at::Tensor partner_shares(const std::vector<SampleChange>& changes, const at::Tensor& like) {
  std::vector<float> shares;
  shares.reserve(changes.size());
  for (const SampleChange& change : changes) shares.push_back(static_cast<float>(change.mix));
  return at::tensor(shares).view({-1, 1, 1, 1}).to(like.device());
}

}  // namespace

MaskTarget mix_partners(const std::vector<SampleChange>& changes, const at::Tensor& image,
                        const at::Tensor& mask, const MaskTarget& target) {
  const bool soft = target.layers.defined();
  const bool blends =
      std::any_of(changes.begin(), changes.end(), [](const auto& one) { return one.mix > 0; });
  const at::Tensor layers = soft ? target.layers : mask.unsqueeze(1);
  MaskTarget others;
  if (blends) others = {layers.roll(-1, 0), soft ? target.shares.roll(-1, 0) : at::Tensor()};
  const Partnered images(image);
  std::vector<Partnered> all{images, Partnered(mask)};
  if (soft) all.insert(all.end(), {Partnered(target.layers), Partnered(target.shares)});
  for (int64_t i = 0; i < image.size(0); ++i) {
    const SampleChange& change = changes[static_cast<size_t>(i)];
    if (change.mix > 0) image.select(0, i).lerp_(images.partner(i), change.mix);
    if (!pastes(change)) continue;
    for (const Partnered& one : all) one.paste(i, change.paste);
  }
  if (!blends) return target;
  const at::Tensor share = partner_shares(changes, mask);
  return {at::cat({layers, others.layers}, 1),
          soft ? at::cat({target.shares * (1 - share), others.shares * share}, 1)
               : at::cat({1 - share, share}, 1)};
}

}  // namespace athanor
