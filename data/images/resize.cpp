// The weights of resizing, the order of its passes, and nearest, which takes the pixel under the target's
// centre.
#include "data/images/resize.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstring>
#include <memory>

#include "data/images/resize_rows.h"

namespace athanor {
namespace {

constexpr int kPillowBits = 22;  // 32 bits less 8 for the pixel and 2 to spare
constexpr int kSplitBits = 11;   // of Pillow's weights, to multiply by halves of 16 bits

double triangle(double x) { return std::max(0.0, 1 - std::abs(x)); }

// Keys' cubic convolution with a = -0.5.
double cubic(double x) {
  constexpr double a = -0.5;
  x = std::abs(x);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
}

// As ATen: as many bits as leave the largest weight in 16.
int torch_bits(const std::vector<double>& weights) {
  const double largest = std::max(0.0, *std::max_element(weights.begin(), weights.end()));
  int bits = 0;
  while (bits < kPillowBits && static_cast<int>(0.5 + largest * (1 << (bits + 1))) < 1 << 15) ++bits;
  return bits;
}

struct TapTable {
  int bits = 0, split = 0;
  int64_t stride = 0;
  std::vector<int32_t> first, count, weights;
  std::vector<int16_t> high, low;

  Taps taps() const {
    return {bits,           stride, first.data(), count.data(),
            weights.data(), split,  high.data(),  low.empty() ? nullptr : low.data()};
  }
};

void split_weights(TapTable& table, Arithmetic like) {
  table.split = like == Arithmetic::kPillow ? kSplitBits : 0;
  table.high.reserve(table.weights.size());
  for (const int32_t weight : table.weights)
    table.high.push_back(static_cast<int16_t>(weight >> table.split));
  if (table.split == 0) return;
  table.low.reserve(table.weights.size());
  for (const int32_t weight : table.weights)
    table.low.push_back(static_cast<int16_t>(weight & ((1 << kSplitBits) - 1)));
}

// The weights of one target, whose sum is 1.
void weigh(double centre, double wider, Filter filter, int64_t first, int64_t end, double* weights) {
  double sum = 0;
  for (int64_t k = first; k < end; ++k) {
    const double distance = (static_cast<double>(k) - centre + 0.5) * (1 / wider);
    sum += weights[k - first] = filter == Filter::kBicubic ? cubic(distance) : triangle(distance);
  }
  for (int64_t k = 0; k < end - first; ++k) weights[k] *= sum == 0 ? 1 : 1 / sum;
}

// `part` of the `from` pixels become `to`.
TapTable make_taps(int64_t from, double part, int64_t to, Filter filter, Arithmetic like) {
  const double scale = part / static_cast<double>(to), wider = std::max(scale, 1.0);
  const double support = (filter == Filter::kBicubic ? 2 : 1) * wider;
  TapTable table;
  table.stride = (static_cast<int64_t>(std::ceil(support)) * 2 + kTapGroup) / kTapGroup * kTapGroup;
  std::vector<double> weights(static_cast<size_t>(to * table.stride));
  for (int64_t i = 0; i < to; ++i) {
    const double centre = (static_cast<double>(i) + 0.5) * scale;
    const auto first = std::max<int64_t>(0, static_cast<int64_t>(centre - support + 0.5));
    const int64_t end = std::min(from, static_cast<int64_t>(centre + support + 0.5));
    weigh(centre, wider, filter, first, end, weights.data() + i * table.stride);
    table.first.push_back(static_cast<int32_t>(first));
    table.count.push_back(static_cast<int32_t>(end - first));
  }
  table.bits = like == Arithmetic::kPillow ? kPillowBits : torch_bits(weights);
  table.weights.reserve(weights.size());
  for (const double weight : weights)
    table.weights.push_back(static_cast<int32_t>(weight * (1 << table.bits) + (weight < 0 ? -0.5 : 0.5)));
  split_weights(table, like);
  return table;
}

// Bytes between the passes, not set.
std::unique_ptr<uint8_t[]> make_rows(int64_t height, int64_t stride) {
  return std::unique_ptr<uint8_t[]>(new uint8_t[static_cast<size_t>(height * stride)]);
}

// One resize of an image: which passes there are, in which order, on which rows.
class Resizing {
 public:
  Resizing(const ResizeKernel& kernel, const Image& image, const Resize& how)
      : kernel_(kernel), image_(image), how_(how) {
    assert(how.height > 0 && how.width > 0 && (image.channels == 1 || image.channels == 3));
    if (how_.part.height == 0)
      how_.part = {static_cast<double>(image.height), static_cast<double>(image.width)};
    if (how_.box.height == 0) how_.box = {0, 0, how.height, how.width};
    wide_ = image.width != how.width || how_.part.width != static_cast<double>(image.width);
    high_ = image.height != how.height || how_.part.height != static_cast<double>(image.height);
    if (wide_) columns_ = make_taps(image.width, how_.part.width, how.width, how.filter, how.like);
    if (high_) rows_ = make_taps(image.height, how_.part.height, how.height, how.filter, how.like);
  }

  Image run() const {
    const Resize::Box& box = how_.box;
    Image out = make_image(box.height, box.width, image_.channels);
    uint8_t* to = out.pixels.data();
    const int64_t channels = image_.channels, stride = image_.width * channels,
                  out_stride = box.width * channels;
    if (wide_ && high_ && height_first()) {
      const auto between = make_rows(box.height, stride);
      down({image_.pixels.data(), stride, between.get(), stride}, stride);
      across({between.get(), stride, to, out_stride}, box.height);
    } else if (wide_ && high_) {
      const auto top = static_cast<size_t>(box.top), last = static_cast<size_t>(box.top + box.height - 1);
      const int64_t first = rows_.first[top], end = rows_.first[last] + rows_.count[last];
      const auto between = make_rows(end - first, out_stride);
      across({image_.at(first, 0), stride, between.get(), out_stride}, end - first);
      down({between.get(), out_stride, to, out_stride}, out_stride, first);
    } else if (wide_) {
      across({image_.at(box.top, 0), stride, to, out_stride}, box.height);
    } else if (high_) {
      down({image_.at(0, box.left), stride, to, out_stride}, out_stride);
    } else {
      for (int64_t y = 0; y < box.height; ++y)
        std::memcpy(out.at(y, 0), image_.at(box.top + y, box.left), static_cast<size_t>(out_stride));
    }
    return out;
  }

 private:
  bool height_first() const {
    return how_.like == Arithmetic::kPillow && how_.height < image_.height &&
           image_.height - how_.height > 2 * (image_.width - how_.width);
  }

  void across(const RowsPass& pass, int64_t rows) const {
    if (image_.channels == 3) {
      kernel_.across(pass, rows, image_.width, columns_.taps(), how_.box.left, how_.box.width);
      return;
    }
    for (int64_t y = 0; y < rows; ++y)
      for (int64_t x = 0; x < how_.box.width; ++x)
        pass.to[y * pass.to_stride + x] = grey(pass.from + y * pass.from_stride, how_.box.left + x);
  }

  uint8_t grey(const uint8_t* row, int64_t target) const {
    const auto at = static_cast<size_t>(target);
    int32_t sum = 1 << (columns_.bits - 1);
    for (int64_t k = 0; k < columns_.count[at]; ++k)
      sum +=
          row[columns_.first[at] + k] * columns_.weights[static_cast<size_t>(target * columns_.stride + k)];
    return static_cast<uint8_t>(std::clamp(sum >> columns_.bits, 0, 255));
  }

  // `from` begins with source row `first`.
  void down(const RowsPass& pass, int64_t bytes, int64_t first = 0) const {
    for (int64_t y = 0; y < how_.box.height; ++y)
      kernel_.down({pass.from - first * pass.from_stride, pass.from_stride, pass.to + y * pass.to_stride, 0},
                   bytes, rows_.taps(), how_.box.top + y);
  }

  const ResizeKernel& kernel_;
  const Image& image_;
  Resize how_;
  bool wide_ = false, high_ = false;  // whether there is such a pass
  TapTable columns_, rows_;
};

// The source pixel under the centre of each target of [start, start + count). Both libraries round on the
// way, which decides where a centre lies between two pixels.
std::vector<int64_t> nearest_pixels(int64_t from, int64_t to, Arithmetic like, int64_t start, int64_t count) {
  std::vector<int64_t> out;
  const double step = static_cast<double>(from) / static_cast<double>(to);
  const float scale = static_cast<float>(from) / static_cast<float>(to);
  double centre = step * 0.5;
  for (int64_t i = 0; i < start + count; ++i, centre += step) {
    if (i < start) continue;
    const auto at =
        static_cast<int64_t>(like == Arithmetic::kPillow ? centre : (static_cast<float>(i) + 0.5F) * scale);
    out.push_back(std::min(from - 1, at));
  }
  return out;
}

Image resize_to_nearest(const Image& image, const Resize& how) {
  const Resize::Box box = how.box.height == 0 ? Resize::Box{0, 0, how.height, how.width} : how.box;
  const auto rows = nearest_pixels(image.height, how.height, how.like, box.top, box.height);
  const auto columns = nearest_pixels(image.width, how.width, how.like, box.left, box.width);
  Image out = make_image(box.height, box.width, image.channels);
  uint8_t* to = out.pixels.data();
  for (const int64_t y : rows)
    for (const int64_t x : columns) {
      std::memcpy(to, image.at(y, x), static_cast<size_t>(image.channels));
      to += image.channels;
    }
  return out;
}

}  // namespace

Image resize_by(const ResizeKernel& kernel, const Image& image, const Resize& how) {
  return how.filter == Filter::kNearest ? resize_to_nearest(image, how) : Resizing(kernel, image, how).run();
}

Image resize(const Image& image, const Resize& how) {
  return resize_by(*resize_kernels().front(), image, how);
}

Image resize_bilinear(const Image& image, int64_t height, int64_t width, ImagePart part) {
  return resize(image, {.height = height, .width = width, .part = part});
}

Image resize_bilinear(const Image& image, int64_t height, int64_t width) {
  return resize(image, {.height = height, .width = width});
}

Image resize_nearest(const Image& image, int64_t height, int64_t width) {
  return resize(image, {.height = height, .width = width, .filter = Filter::kNearest});
}

}  // namespace athanor
