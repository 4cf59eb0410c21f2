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
  std::memset(tiles_.get(), 0, static_cast<size_t>(bytes_));
  if (precision == ProductPrecision::kInt8) scales_.resize(static_cast<size_t>(strips() * kStrip));
  for (int64_t output = 0; output < outputs; ++output) {
    if (precision == ProductPrecision::kInt8)
      pack_integers(weight + output * inputs, output);
    else
      pack_floats(weight + output * inputs, output);
  }
}

uint8_t* PackedWeight::tile(int64_t output, int64_t depth_tile, int64_t plane) {
  const int64_t at = (output / kStrip * depth_tiles_ + depth_tile) * planes() + plane;
  return tiles_.get() + (at * 2 + output % kStrip / 16) * kTileBytes;
}

void PackedWeight::pack_floats(const float* row, int64_t output) {
  for (int64_t k = 0; k < inputs_; ++k) {
    float rest = row[k];
    for (int64_t plane = 0; plane < planes(); ++plane) {
      const uint16_t part = bf16_of(rest);
      rest -= float_of(part);
      std::memcpy(tile(output, k / 32, plane) + k % 32 / 2 * 64 + output % 16 * 4 + k % 2 * 2, &part, 2);
    }
  }
}

void PackedWeight::pack_integers(const float* row, int64_t output) {
  const float scale = int8_scale(row, inputs_);
  scales_[static_cast<size_t>(output)] = scale;
  for (int64_t k = 0; k < inputs_; ++k)
    tile(output, k / 64, 0)[k % 64 / 4 * 64 + output % 16 * 4 + k % 4] =
        static_cast<uint8_t>(int8_of(row[k], scale));
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
