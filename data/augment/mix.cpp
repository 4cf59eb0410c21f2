#include "data/augment/mix.h"

#include <ATen/ops/tensor.h>

namespace athanor {
namespace {

bool pastes(const SampleChange& change) { return change.paste.width > 0 && change.paste.height > 0; }

// [...,H,W] -> the box of it
at::Tensor boxed(const at::Tensor& plane, const PixelBox& box) {
  return plane.narrow(-2, static_cast<int64_t>(box.y), static_cast<int64_t>(box.height))
      .narrow(-1, static_cast<int64_t>(box.x), static_cast<int64_t>(box.width));
}

}  // namespace

Partners mix_partners(const std::vector<SampleChange>& changes, const at::Tensor& image,
                      const at::Tensor& mask) {
  Partners partners;
  std::vector<float> shares;
  bool blends = false;
  for (const SampleChange& change : changes) {
    shares.push_back(static_cast<float>(change.mix));
    blends = blends || change.mix > 0;
  }
  if (blends) partners = {mask.roll(-1, 0), at::tensor(shares)};
  // Each sample is read before it is written, but for the first one.
  const at::Tensor first_image = image.select(0, 0).clone(), first_mask = mask.select(0, 0).clone();
  for (int64_t i = 0; i < image.size(0); ++i) {
    const SampleChange& change = changes[static_cast<size_t>(i)];
    const bool last = i + 1 == image.size(0);
    const at::Tensor partner = last ? first_image : image.select(0, i + 1);
    if (change.mix > 0) image.select(0, i).lerp_(partner, change.mix);
    if (!pastes(change)) continue;
    boxed(image.select(0, i), change.paste).copy_(boxed(partner, change.paste));
    boxed(mask.select(0, i), change.paste)
        .copy_(boxed(last ? first_mask : mask.select(0, i + 1), change.paste));
  }
  return partners;
}

}  // namespace athanor
