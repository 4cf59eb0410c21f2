#include "trainers/pixel_classes.h"

#include <ATen/Parallel.h>
#include <ATen/ops/argmax.h>
#include <ATen/ops/empty.h>

#include "src/core/error.h"
#include "src/core/text.h"

namespace athanor {
namespace {

constexpr int64_t kPixelsAThread = 4096;

uint8_t highest(const float* logits, int64_t classes) {
  int64_t best = 0;
  float most = logits[0];
  for (int64_t c = 1; c < classes; ++c) {
    const bool more = logits[c] > most;
    best = more ? c : best;
    most = more ? logits[c] : most;
  }
  return static_cast<uint8_t>(best);
}

}  // namespace

at::Tensor classes_of_pixels(const at::Tensor& logits) {
  if (logits.dim() != 4 || logits.size(1) < 1 || logits.size(1) > 256)
    throw Error({.where = "output 'logits'",
                 .what = "not logits of pixels' classes",
                 .expected = "[B,C,H,W], C up to 256",
                 .got = shape_text(logits.sizes().vec())});
  if (!logits.is_cpu()) return logits.argmax(1).to(at::kByte);
  const at::Tensor plain = logits.to(at::kFloat).contiguous(at::MemoryFormat::ChannelsLast);
  const at::Tensor classes = at::empty({plain.size(0), plain.size(2), plain.size(3)}, at::kByte);
  const int64_t count = plain.size(1);
  const float* from = plain.const_data_ptr<float>();
  auto* to = classes.mutable_data_ptr<uint8_t>();
  at::parallel_for(0, classes.numel(), kPixelsAThread, [&](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; ++i) to[i] = highest(from + i * count, count);
  });
  return classes;
}

}  // namespace athanor
