// Resizing as Pillow does it (ImagingResample, BILINEAR): two passes of triangle filters that widen with the
// shrinking (antialias), each in fixed point and rounded to 8 bits. Nearest takes the pixel under the
// target's centre.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "data/images/image.h"

namespace athanor {
namespace {

constexpr int kFractionBits = 22;  // as Pillow: 32 bits less 8 for the pixel and 2 to spare

// The source pixels of each target pixel and their weights in fixed point.
struct Taps {
  std::vector<int64_t> first;
  std::vector<int64_t> count;
  std::vector<int32_t> weights;  // [target, stride]
  int64_t stride = 0;
  const int32_t* of(int64_t target) const { return weights.data() + target * stride; }
};

// `part` of the `from` pixels become `to`.
Taps make_taps(int64_t from, double part, int64_t to) {
  const double scale = part / static_cast<double>(to);
  const double support = std::max(scale, 1.0);
  Taps taps;
  taps.stride = static_cast<int64_t>(std::ceil(support)) * 2 + 1;
  taps.weights.resize(static_cast<size_t>(to * taps.stride));
  std::vector<double> weights(static_cast<size_t>(taps.stride));
  for (int64_t i = 0; i < to; ++i) {
    const double centre = (static_cast<double>(i) + 0.5) * scale;
    const int64_t first = std::max<int64_t>(0, static_cast<int64_t>(std::floor(centre - support + 0.5)));
    const int64_t end = std::min(from, static_cast<int64_t>(std::floor(centre + support + 0.5)));
    double sum = 0;
    for (int64_t k = first; k < end; ++k) {
      const double distance = (static_cast<double>(k) - centre + 0.5) / support;
      sum += weights[static_cast<size_t>(k - first)] = std::max(0.0, 1 - std::abs(distance));
    }
    for (int64_t k = 0; k < end - first; ++k)
      taps.weights[static_cast<size_t>(i * taps.stride + k)] = static_cast<int32_t>(std::floor(
          0.5 + weights[static_cast<size_t>(k)] * (sum == 0 ? 1 : 1 / sum) * (1 << kFractionBits)));
    taps.first.push_back(first);
    taps.count.push_back(end - first);
  }
  return taps;
}

uint8_t rounded(int32_t sum) { return static_cast<uint8_t>(std::clamp(sum >> kFractionBits, 0, 255)); }

constexpr int32_t kHalf = 1 << (kFractionBits - 1);

template <int kChannels>
void shrink_row(const uint8_t* from, uint8_t* to, int64_t width, const Taps& taps) {
  for (int64_t x = 0; x < width; ++x) {
    int32_t sums[kChannels];
    std::fill_n(sums, kChannels, kHalf);
    const uint8_t* pixel = from + taps.first[static_cast<size_t>(x)] * kChannels;
    const int32_t* weights = taps.of(x);
    for (int64_t k = 0; k < taps.count[static_cast<size_t>(x)]; ++k, pixel += kChannels)
      for (int c = 0; c < kChannels; ++c) sums[c] += pixel[c] * weights[k];
    for (int c = 0; c < kChannels; ++c) to[x * kChannels + c] = rounded(sums[c]);
  }
}

Image resize_width(const Image& image, double part, int64_t width) {
  const Taps taps = make_taps(image.width, part, width);
  Image out = make_image(image.height, width, image.channels);
  for (int64_t y = 0; y < image.height; ++y)
    (image.channels == 1 ? shrink_row<1> : shrink_row<3>)(image.at(y, 0), out.at(y, 0), width, taps);
  return out;
}

// Row by row, so that the compiler makes vectors of it.
Image resize_height(const Image& image, double part, int64_t height) {
  const Taps taps = make_taps(image.height, part, height);
  Image out = make_image(height, image.width, image.channels);
  const int64_t row = image.width * image.channels;
  std::vector<int32_t> sums(static_cast<size_t>(row));
  for (int64_t y = 0; y < height; ++y) {
    std::fill(sums.begin(), sums.end(), kHalf);
    for (int64_t k = 0; k < taps.count[static_cast<size_t>(y)]; ++k) {
      const uint8_t* from = image.at(taps.first[static_cast<size_t>(y)] + k, 0);
      const int32_t weight = taps.of(y)[k];
      for (int64_t i = 0; i < row; ++i) sums[static_cast<size_t>(i)] += from[i] * weight;
    }
    uint8_t* to = out.at(y, 0);
    for (int64_t i = 0; i < row; ++i) to[i] = rounded(sums[static_cast<size_t>(i)]);
  }
  return out;
}

}  // namespace

Image resize_bilinear(const Image& image, int64_t height, int64_t width, ImagePart part) {
  const auto changes = [](int64_t from, double part, int64_t to) {
    return from != to || part != static_cast<double>(from);
  };
  Image out = changes(image.width, part.width, width) ? resize_width(image, part.width, width) : image;
  return changes(image.height, part.height, height) ? resize_height(out, part.height, height) : out;
}

Image resize_bilinear(const Image& image, int64_t height, int64_t width) {
  return resize_bilinear(image, height, width,
                         {static_cast<double>(image.height), static_cast<double>(image.width)});
}

Image resize_nearest(const Image& image, int64_t height, int64_t width) {
  Image out = make_image(height, width, image.channels);
  for (int64_t y = 0; y < height; ++y)
    for (int64_t x = 0; x < width; ++x)
      std::memcpy(
          out.at(y, x),
          image.at((2 * y + 1) * image.height / (2 * height), (2 * x + 1) * image.width / (2 * width)),
          static_cast<size_t>(image.channels));
  return out;
}

}  // namespace athanor
