#include "src/ops/packed_product.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "src/ops/amx.h"

namespace athanor {
namespace {

constexpr int64_t kTileBytes = 1024, kStrip = 32;

// To the nearest, ties to even.
uint16_t bf16_of(float x) {
  const auto bits = std::bit_cast<uint32_t>(x);
  return static_cast<uint16_t>((bits + 0x7FFF + (bits >> 16 & 1)) >> 16);
}
float float_of(uint16_t bf16) { return std::bit_cast<float>(static_cast<uint32_t>(bf16) << 16); }

int64_t depth_of_tile(ProductPrecision precision) { return precision == ProductPrecision::kInt8 ? 64 : 32; }

// What 127 stands for in a row of `count` numbers, divided by 127.
float int8_scale(const float* row, int64_t count) {
  float most = 0;
  for (int64_t i = 0; i < count; ++i) most = std::max(most, std::abs(row[i]));
  return most / 127;
}
int8_t int8_of(float x, float scale) {
  return static_cast<int8_t>(scale > 0 ? std::nearbyint(x * (1 / scale)) : 0);
}

// What a row has in a tile.
struct Line {
  uint32_t words[16];
};

// numbers [32] -> a line in each plane
void float_lines(float* numbers, int64_t planes, Line* lines) {
  for (int64_t plane = 0; plane < planes; ++plane) {
    uint16_t parts[32];
    for (int64_t i = 0; i < 32; ++i) {
      parts[i] = bf16_of(numbers[i]);
      numbers[i] -= float_of(parts[i]);
    }
    std::memcpy(lines[plane].words, parts, sizeof(parts));
  }
}

// numbers [64]
void integer_line(const float* numbers, float scale, Line& line) {
  int8_t integers[64];
  for (int64_t i = 0; i < 64; ++i) integers[i] = int8_of(numbers[i], scale);
  std::memcpy(line.words, integers, sizeof(integers));
}

double activated(double x, Activation activation) {
  switch (activation) {
    case Activation::kNone:
      return x;
    case Activation::kGelu:
      return 0.5 * x * std::erfc(-x * std::sqrt(0.5));
    case Activation::kGeluTanh:
      return 0.5 * x * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
    case Activation::kQuickGelu:
      return x / (1 + std::exp(-1.702 * x));
    case Activation::kRelu:
      return std::max(x, 0.0);
    case Activation::kSilu:
      return x / (1 + std::exp(-x));
  }
  return x;
}

// A row of either factor as it is multiplied, but for its scale.
std::vector<double> rounded(const float* row, int64_t count, ProductPrecision precision, double& scale) {
  std::vector<double> out(row, row + count);
  scale = 1;
  if (precision == ProductPrecision::kInt8) {
    const float step = int8_scale(row, count);
    for (double& x : out) x = int8_of(static_cast<float>(x), step);
    scale = step;
  } else if (precision == ProductPrecision::kBf16) {
    for (double& x : out) x = float_of(bf16_of(static_cast<float>(x)));
  }
  return out;
}

}  // namespace

PackedWeight::PackedWeight(const float* weight, int64_t outputs, int64_t inputs, ProductPrecision precision)
    : outputs_(outputs), inputs_(inputs), precision_(precision) {
  const int64_t depth = depth_of_tile(precision);
  depth_tiles_ = (inputs + depth - 1) / depth;
  bytes_ = strips() * depth_tiles_ * planes() * 2 * kTileBytes;
  tiles_ = large_memory(bytes_);
  if (precision == ProductPrecision::kInt8) {
    scales_.resize(static_cast<size_t>(strips() * kStrip));
    for (int64_t output = 0; output < outputs; ++output)
      scales_[static_cast<size_t>(output)] = int8_scale(weight + output * inputs, inputs);
  }
  for (int64_t output = 0; output < strips() * kStrip; output += 16)
    for (int64_t tile = 0; tile < depth_tiles_; ++tile) pack_tile(weight, output, tile);
}

// 16 outputs wide and a tile deep: the lines of rows, transposed word by word.
void PackedWeight::pack_tile(const float* weight, int64_t first_output, int64_t depth_tile) {
  const int64_t depth = depth_of_tile(precision_), begin = depth_tile * depth;
  Line lines[16][3] = {};
  for (int64_t i = 0; i < std::min<int64_t>(16, outputs_ - first_output); ++i) {
    float numbers[64] = {};
    std::copy_n(weight + (first_output + i) * inputs_ + begin, std::min(depth, inputs_ - begin), numbers);
    if (precision_ == ProductPrecision::kInt8)
      integer_line(numbers, scales_[static_cast<size_t>(first_output + i)], lines[i][0]);
    else
      float_lines(numbers, planes(), lines[i]);
  }
  const int64_t at = (first_output / kStrip * depth_tiles_ + depth_tile) * planes();
  for (int64_t plane = 0; plane < planes(); ++plane) {
    uint8_t* to = tiles_.get() + ((at + plane) * 2 + first_output % kStrip / 16) * kTileBytes;
    for (int64_t word = 0; word < 16; ++word)
      for (int64_t i = 0; i < 16; ++i) std::memcpy(to + (word * 16 + i) * 4, &lines[i][plane].words[word], 4);
  }
}

bool can_multiply_packed() { return has_amx(); }

ProductParts split_product(const PackedProduct& product, int64_t threads) {
  constexpr int64_t kRowsOfCache = 256;  // whose factors stay in the second level of it
  const int64_t blocks = (product.rows + 31) / 32;
  const auto shared = [](int64_t whole, int64_t parts) { return (whole + parts - 1) / parts; };
  int64_t panels = shared(product.rows, kRowsOfCache);
  if (blocks >= 2 * threads) panels = shared(panels, threads) * threads;
  ProductParts parts;
  parts.panel_rows = shared(blocks, panels) * 32;
  parts.panels = shared(product.rows, parts.panel_rows);
  if (parts.panels < threads) parts.column_parts = std::min(threads, product.weight->strips());
  return parts;
}

void multiply_plain(const PackedProduct& product, const float* weight) {
  const PackedWeight& w = *product.weight;
  for (int64_t m = 0; m < product.rows; ++m) {
    double x_scale = 1, w_scale = 1;
    const auto x = rounded(product.x + m * product.x_stride, w.inputs(), w.precision(), x_scale);
    for (int64_t n = 0; n < w.outputs(); ++n) {
      const auto row = rounded(weight + n * w.inputs(), w.inputs(), w.precision(), w_scale);
      double sum = 0;
      for (size_t k = 0; k < row.size(); ++k) sum += x[k] * row[k];
      sum = sum * x_scale * w_scale + (product.bias == nullptr ? 0 : product.bias[n]);
      product.y[m * product.y_stride + n] = static_cast<float>(activated(sum, product.activation));
    }
  }
}

}  // namespace athanor
