#include "src/ops/gate_table.h"

#include <array>
#include <cmath>
#include <utility>

namespace athanor {
namespace {

constexpr int kTerms = GateTable::kTerms;

double gate(Activation activation, double x) {
  switch (activation) {
    case Activation::kGelu:
      return 0.5 * std::erfc(-x * std::sqrt(0.5));
    case Activation::kGeluTanh:
      return 0.5 * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
    case Activation::kQuickGelu:
      return 1 / (1 + std::exp(-1.702 * x));
    default:
      return 1 / (1 + std::exp(-x));
  }
}

// Where 1 - g(x) is below a float's last bit.
double range_of(Activation activation) {
  return activation == Activation::kSilu ? 17.5 : activation == Activation::kQuickGelu ? 10.3 : 5.6;
}

// The polynomial through g at Chebyshev's points of a piece, in powers of the distance from its middle:
// Newton's divided differences, multiplied out.
std::array<double, kTerms> fitted(Activation activation, double middle, double half) {
  std::array<double, kTerms> at{}, rest{}, out{};
  for (int i = 0; i < kTerms; ++i) {
    at[i] = half * std::cos(M_PI * (i + 0.5) / kTerms);
    rest[i] = gate(activation, middle + at[i]);
  }
  for (int step = 1; step < kTerms; ++step)
    for (int i = kTerms - 1; i >= step; --i) rest[i] = (rest[i] - rest[i - 1]) / (at[i] - at[i - step]);
  for (int i = kTerms - 1; i >= 0; --i) {  // out = out (t - at[i]) + rest[i]
    for (int power = kTerms - 1; power > 0; --power) out[power] = out[power - 1] - at[i] * out[power];
    out[0] = rest[i] - at[i] * out[0];
  }
  return out;
}

GateTable made(Activation activation) {
  GateTable table{};
  const double width = range_of(activation) / GateTable::kPieces;
  table.pieces_a_unit = static_cast<float>(1 / width);
  for (int piece = 0; piece < GateTable::kPieces; ++piece) {
    const auto terms = fitted(activation, (piece + 0.5) * width, width / 2);
    for (int term = 0; term < kTerms; ++term) table.terms[term][piece] = static_cast<float>(terms[term]);
  }
  return table;
}

}  // namespace

const GateTable& gate_table(Activation activation) {
  static const GateTable gelu = made(Activation::kGelu), tanh = made(Activation::kGeluTanh),
                         quick = made(Activation::kQuickGelu), silu = made(Activation::kSilu);
  switch (activation) {
    case Activation::kGelu:
      return gelu;
    case Activation::kGeluTanh:
      return tanh;
    case Activation::kQuickGelu:
      return quick;
    default:
      return silu;
  }
}

}  // namespace athanor
