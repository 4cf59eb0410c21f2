// Body of the LSTM kernels, included once an instruction set after its `struct Simd` (a vector type and its
// operations) and under its `#pragma GCC target`. Register blocking as in Goto and van de Geijn 2008: 6 rows
// by 4 vectors of accumulators, which for the forward step are the four gates of one group of units.
#pragma once

namespace athanor {
namespace {

using Vec = Simd::Vec;
constexpr int kLanes = Simd::kLanes;
constexpr int kRows = Simd::kRows;  // accumulator rows
constexpr int64_t kDepth = 96;      // k of one pass: its slice of B stays in the first-level cache

template <int M, int N>
struct Tile {
  Vec v[M][N];
};

template <int M, int N>
[[gnu::always_inline]] inline void multiply_add(Tile<M, N>& tile, const float* a, int64_t a_row_stride,
                                                int64_t a_k_stride, const float* b, int64_t ldb,
                                                int64_t depth) {
  for (int64_t k = 0; k < depth; ++k) {
    Vec column[N];
#pragma GCC unroll 8
    for (int n = 0; n < N; ++n) column[n] = Simd::load(b + k * ldb + n * kLanes);
#pragma GCC unroll 8
    for (int m = 0; m < M; ++m) {
      const Vec element = Simd::set(a[m * a_row_stride + k * a_k_stride]);
#pragma GCC unroll 8
      for (int n = 0; n < N; ++n) tile.v[m][n] = Simd::fma(element, column[n], tile.v[m][n]);
    }
  }
}

// exp(x) - 1, within 2 ulp: x = n ln2 + r, a polynomial in r (Cephes expf), no cancellation near 0.
[[gnu::always_inline]] inline Vec expm1(Vec x) {
  x = Simd::min(Simd::max(x, Simd::set(-87.0f)), Simd::set(88.0f));
  const Vec n = Simd::round(Simd::mul(x, Simd::set(1.44269504088896341f)));
  Vec r = Simd::fma(n, Simd::set(-0.693359375f), x);
  r = Simd::fma(n, Simd::set(2.12194440e-4f), r);
  Vec p = Simd::set(1.9875691500e-4f);
  p = Simd::fma(p, r, Simd::set(1.3981999507e-3f));
  p = Simd::fma(p, r, Simd::set(8.3334519073e-3f));
  p = Simd::fma(p, r, Simd::set(4.1665795894e-2f));
  p = Simd::fma(p, r, Simd::set(1.6666665459e-1f));
  p = Simd::fma(p, r, Simd::set(5.0000001201e-1f));
  p = Simd::fma(Simd::mul(p, r), r, r);
  const Vec power = Simd::power_of_two(n);
  return Simd::fma(p, power, Simd::sub(power, Simd::set(1.0f)));
}

[[gnu::always_inline]] inline Vec sigmoid(Vec x) {
  return Simd::reciprocal(Simd::add(Simd::set(2.0f), expm1(Simd::sub(Simd::set(0.0f), x))));
}

[[gnu::always_inline]] inline Vec tanh(Vec x) {
  const Vec e = expm1(Simd::mul(Simd::set(-2.0f), Simd::absolute(x)));  // in (-1,0]
  const Vec magnitude =
      Simd::mul(Simd::sub(Simd::set(0.0f), e), Simd::reciprocal(Simd::add(Simd::set(2.0f), e)));
  return Simd::copy_sign(magnitude, x);
}

// `value` with units dropped by the mask, the others scaled up; `unit` is the first of the vector.
[[gnu::always_inline]] inline Vec drop(Vec value, const DropoutMask& mask, int64_t row, int64_t hidden,
                                       int64_t unit) {
  const uint32_t counter = static_cast<uint32_t>((mask.first_row + row) * hidden + unit);
  return Simd::mul(Simd::keep(value, counter, mask.key, mask.threshold), Simd::set(mask.scale));
}

// One row of one group of units, from the gates before their activations (i, f, g, o) on.
[[gnu::always_inline]] inline void finish_gates(const LstmForwardStep& s, int64_t row, int64_t unit,
                                                const Vec (&before)[4]) {
  const int64_t at = row * s.hidden + unit;
  const Vec i = sigmoid(before[0]), f = sigmoid(before[1]), g = tanh(before[2]), o = sigmoid(before[3]);
  const Vec c = Simd::fma(f, Simd::load(s.c_before + at), Simd::mul(i, g));
  const Vec h = Simd::mul(o, tanh(c));
  float* gates = s.gates + row * 4 * s.hidden + unit * 4;
  Simd::store(gates, i);
  Simd::store(gates + kLanes, f);
  Simd::store(gates + 2 * kLanes, g);
  Simd::store(gates + 3 * kLanes, o);
  Simd::store(s.c + at, c);
  Simd::store(s.h + at, h);
  if (s.dropped != nullptr) Simd::store(s.dropped + at, drop(h, s.mask, row, s.hidden, unit));
}

template <int M>
void forward_tile(const LstmForwardStep& s, int64_t row, int64_t unit) {
  const int64_t depth = s.input + s.hidden;
  const float* weights = s.weights + unit * 4 * depth;
  Tile<M, 4> tile;
#pragma GCC unroll 8
  for (int m = 0; m < M; ++m)
#pragma GCC unroll 8
    for (int n = 0; n < 4; ++n) tile.v[m][n] = Simd::load(s.bias + unit * 4 + n * kLanes);
  multiply_add(tile, s.x + row * s.input, s.input, 1, weights, 4 * kLanes, s.input);
  multiply_add(tile, s.h_before + row * s.hidden, s.hidden, 1, weights + s.input * 4 * kLanes, 4 * kLanes,
               s.hidden);
#pragma GCC unroll 8
  for (int m = 0; m < M; ++m) finish_gates(s, row + m, unit, tile.v[m]);
}

// Calls body.template operator()<M>(row) for groups of kRows rows, then for the rest.
template <class Body>
[[gnu::always_inline]] inline void for_row_groups(int64_t rows, const Body& body) {
  int64_t row = 0;
  for (; row + kRows <= rows; row += kRows) body.template operator()<kRows>(row);
  switch (rows - row) {
    case 5:
      return body.template operator()<5>(row);
    case 4:
      return body.template operator()<4>(row);
    case 3:
      return body.template operator()<3>(row);
    case 2:
      return body.template operator()<2>(row);
    case 1:
      return body.template operator()<1>(row);
  }
}

struct ForwardRows {
  const LstmForwardStep& step;
  int64_t unit;
  template <int M>
  void operator()(int64_t row) const {
    forward_tile<M>(step, row, unit);
  }
};

[[maybe_unused]] void forward_step(const LstmForwardStep& step) {
  const Simd::FlushDenormals flush;
  for (int64_t unit = 0; unit < step.hidden; unit += kLanes)
    for_row_groups(step.rows, ForwardRows{step, unit});
}

void backward_step(const LstmBackwardStep& s) {
  const Simd::FlushDenormals flush;
  const Vec one = Simd::set(1.0f);
  for (int64_t unit = 0; unit < s.hidden; unit += kLanes) {
    Vec sum[4];
    for (int n = 0; n < 4; ++n) sum[n] = Simd::set(0.0f);
    for (int64_t row = 0; row < s.rows; ++row) {
      const int64_t at = row * s.hidden + unit;
      float* gates = s.gates + row * 4 * s.hidden + unit * 4;
      const Vec i = Simd::load(gates), f = Simd::load(gates + kLanes), g = Simd::load(gates + 2 * kLanes),
                o = Simd::load(gates + 3 * kLanes);
      Vec dh = Simd::load(s.dh_next + at);
      if (s.dh_above != nullptr) {
        const Vec above = Simd::load(s.dh_above + row * s.dh_above_stride + unit);
        dh = Simd::add(dh, s.mask.threshold == 0 ? above : drop(above, s.mask, row, s.hidden, unit));
      }
      const Vec squashed = tanh(Simd::load(s.c + at));
      const Vec dc = Simd::fma(Simd::mul(dh, o), Simd::fnma(squashed, squashed, one), Simd::load(s.dc + at));
      const Vec before[4] = {
          Simd::mul(Simd::mul(dc, g), Simd::mul(i, Simd::sub(one, i))),
          Simd::mul(Simd::mul(dc, Simd::load(s.c_before + at)), Simd::mul(f, Simd::sub(one, f))),
          Simd::mul(Simd::mul(dc, i), Simd::fnma(g, g, one)),
          Simd::mul(Simd::mul(dh, squashed), Simd::mul(o, Simd::sub(one, o)))};
      for (int n = 0; n < 4; ++n) {
        Simd::store(gates + n * kLanes, before[n]);
        sum[n] = Simd::add(sum[n], before[n]);
      }
      Simd::store(s.dc + at, Simd::mul(dc, f));
    }
    for (int n = 0; n < 4; ++n) {
      float* total = s.dbias + unit * 4 + n * kLanes;
      Simd::store(total, Simd::add(Simd::load(total), sum[n]));
    }
  }
}

// Sums from zero and adds what was there at the end: sums of sums round less than one long sum.
template <int M, int N>
void multiply_tile(const MatrixProduct& p, int64_t row, int64_t column, int64_t k, int64_t depth,
                   bool accumulate) {
  Tile<M, N> tile;
#pragma GCC unroll 8
  for (int m = 0; m < M; ++m)
#pragma GCC unroll 8
    for (int n = 0; n < N; ++n) tile.v[m][n] = Simd::set(0.0f);
  multiply_add(tile, p.a + row * p.a_row_stride + k * p.a_k_stride, p.a_row_stride, p.a_k_stride,
               p.b + k * p.ldb + column, p.ldb, depth);
#pragma GCC unroll 8
  for (int m = 0; m < M; ++m)
#pragma GCC unroll 8
    for (int n = 0; n < N; ++n) {
      float* c = p.c + (row + m) * p.ldc + column + n * kLanes;
      Simd::store(c, accumulate ? Simd::add(Simd::load(c), tile.v[m][n]) : tile.v[m][n]);
    }
}

template <int N>
struct ProductRows {
  const MatrixProduct& product;
  int64_t column, k, depth;
  bool accumulate;
  template <int M>
  void operator()(int64_t row) const {
    multiply_tile<M, N>(product, row, column, k, depth, accumulate);
  }
};

[[maybe_unused]] void multiply(const MatrixProduct& p) {
  const Simd::FlushDenormals flush;
  for (int64_t column = 0; column < p.n; column += 4 * kLanes) {
    const int64_t vectors = (p.n - column) / kLanes;
    for (int64_t k = 0; k < p.k; k += kDepth) {
      const int64_t depth = p.k - k < kDepth ? p.k - k : kDepth;
      const bool accumulate = p.accumulate || k > 0;
      if (vectors >= 4)
        for_row_groups(p.m, ProductRows<4>{p, column, k, depth, accumulate});
      else if (vectors == 3)
        for_row_groups(p.m, ProductRows<3>{p, column, k, depth, accumulate});
      else if (vectors == 2)
        for_row_groups(p.m, ProductRows<2>{p, column, k, depth, accumulate});
      else
        for_row_groups(p.m, ProductRows<1>{p, column, k, depth, accumulate});
    }
  }
}

[[maybe_unused]] void multiply_both(const MatrixProduct& first, const MatrixProduct& second) {
  multiply(first);
  multiply(second);
}

}  // namespace
}  // namespace athanor
