#include "trainers/pixel_classes.h"

#include <ATen/Parallel.h>
#include <ATen/ops/argmax.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <vector>

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

// Where a pixel of a resized axis lies on the old one: between `first` and `second`.
struct Between {
  int64_t first, second;
  float part;  // of the second
};

std::vector<Between> places(int64_t from, int64_t to) {
  std::vector<Between> all;
  const double scale = static_cast<double>(from) / static_cast<double>(to);
  for (int64_t i = 0; i < to; ++i) {
    const double at =
        std::clamp((static_cast<double>(i) + 0.5) * scale - 0.5, 0.0, static_cast<double>(from - 1));
    const auto first = static_cast<int64_t>(at);
    all.push_back(
        {first, std::min(first + 1, from - 1), static_cast<float>(at - static_cast<double>(first))});
  }
  return all;
}

// to = a + part * (b - a)
void mix(const float* a, const float* b, float part, int64_t count, float* to) {
  for (int64_t i = 0; i < count; ++i) to[i] = a[i] + part * (b[i] - a[i]);
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
  at::Tensor classes = at::empty({plain.size(0), plain.size(2), plain.size(3)}, at::kByte);
  const int64_t count = plain.size(1);
  const float* from = plain.const_data_ptr<float>();
  auto* to = classes.mutable_data_ptr<uint8_t>();
  at::parallel_for(0, classes.numel(), kPixelsAThread, [&](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; ++i) to[i] = highest(from + i * count, count);
  });
  return classes;
}

at::Tensor classes_at_size(const at::Tensor& logits, int64_t height, int64_t width) {
  const at::Tensor plain = logits.permute({1, 2, 0}).to(at::kCPU, at::kFloat).contiguous();
  const int64_t columns = plain.size(1), count = plain.size(2), row = columns * count;
  at::Tensor classes = at::empty({height, width}, at::kByte);
  const float* from = plain.const_data_ptr<float>();
  auto* to = classes.mutable_data_ptr<uint8_t>();
  const std::vector<Between> ys = places(plain.size(0), height), xs = places(columns, width);
  at::parallel_for(0, height, std::max<int64_t>(1, kPixelsAThread / width), [&](int64_t first, int64_t last) {
    std::vector<float> line(row), pixel(count);
    for (int64_t y = first; y < last; ++y) {
      mix(from + ys[y].first * row, from + ys[y].second * row, ys[y].part, row, line.data());
      for (int64_t x = 0; x < width; ++x) {
        mix(&line[xs[x].first * count], &line[xs[x].second * count], xs[x].part, count, pixel.data());
        to[y * width + x] = highest(pixel.data(), count);
      }
    }
  });
  return classes;
}

}  // namespace athanor
