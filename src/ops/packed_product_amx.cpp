// The products of packed_product.h by AMX tiles: blocks of 32 x 32 sums, two tiles by two, for which the rows
// of a panel are split into bf16 parts (or rounded to int8) once and the weight streams by in strips of 32
// outputs. Source of the layout: Intel 64 and IA-32 Architectures Software Developer's Manual, TDPBF16PS and
// TDPBSSD.
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#include <immintrin.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>
#include <type_traits>

#include "src/ops/packed_product.h"

#pragma GCC target("avx512f,avx512dq,avx512bw,avx512vl,avx512bf16,fma,amx-tile,amx-bf16,amx-int8")

#include "src/ops/tile_setup.h"

namespace athanor {
namespace {

constexpr int64_t kTileBytes = 1024, kStrip = 32;

// Memory of a thread, which grows and stays.
class Scratch {
 public:
  ~Scratch() { std::free(bytes_); }
  uint8_t* of(int64_t bytes) {
    if (bytes > size_) {
      std::free(bytes_);
      size_ = (bytes + 4095) / 4096 * 4096;
      bytes_ = static_cast<uint8_t*>(std::aligned_alloc(4096, static_cast<size_t>(size_)));
      if (bytes_ == nullptr) throw std::bad_alloc();
    }
    return bytes_;
  }

 private:
  uint8_t* bytes_ = nullptr;
  int64_t size_ = 0;
};

__m256i bf16_of(__m512 x) { return reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(x)); }
__m512 float_of(__m256i bf16) {
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(bf16), 16));
}
__mmask16 first_lanes(int64_t count) {
  return count >= 16 ? 0xFFFF : count <= 0 ? 0 : static_cast<__mmask16>((1u << count) - 1);
}

// How a kind of factor is laid into tiles and multiplied. kPlanes tiles stand for one of the matrix, kDepth
// numbers deep.
struct Fp32 {
  static constexpr int kPlanes = 3, kDepth = 32;
  using Sum = float;
  // from [count] of a row -> its line in each plane
  static void split(const float* from, int64_t count, float, uint8_t* to) {
    __m512 low = _mm512_maskz_loadu_ps(first_lanes(count), from);
    __m512 high = _mm512_maskz_loadu_ps(first_lanes(count - 16), from + 16);
    for (int plane = 0; plane < kPlanes; ++plane, to += kTileBytes) {
      const __m256i a = bf16_of(low), b = bf16_of(high);
      low = _mm512_sub_ps(low, float_of(a));
      high = _mm512_sub_ps(high, float_of(b));
      _mm512_store_si512(to, _mm512_inserti64x4(_mm512_castsi256_si512(a), b, 1));
    }
  }
};
struct Bf16 {
  static constexpr int kPlanes = 1, kDepth = 32;
  using Sum = float;
  static void split(const float* from, int64_t count, float, uint8_t* to) {
    const __m256i a = bf16_of(_mm512_maskz_loadu_ps(first_lanes(count), from));
    const __m256i b = bf16_of(_mm512_maskz_loadu_ps(first_lanes(count - 16), from + 16));
    _mm512_store_si512(to, _mm512_inserti64x4(_mm512_castsi256_si512(a), b, 1));
  }
};
struct Int8 {
  static constexpr int kPlanes = 1, kDepth = 64;
  using Sum = int32_t;
  static void split(const float* from, int64_t count, float steps, uint8_t* to) {
    for (int64_t k = 0; k < 64; k += 16) {
      const __m512 x = _mm512_maskz_loadu_ps(first_lanes(count - k), from + k);
      const __m512i whole = _mm512_cvtps_epi32(_mm512_mul_ps(x, _mm512_set1_ps(steps)));
      _mm_store_si128(reinterpret_cast<__m128i*>(to + k), _mm512_cvtsepi32_epi8(whole));
    }
  }
};

template <class Kind>
float int8_scale(const float* row, int64_t count) {
  if constexpr (Kind::kDepth != 64) return 1;
  __m512 most = _mm512_setzero_ps();
  for (int64_t k = 0; k < count; k += 16)
    most = _mm512_max_ps(most, _mm512_abs_ps(_mm512_maskz_loadu_ps(first_lanes(count - k), row + k)));
  return _mm512_reduce_max_ps(most) / 127;
}

// Rows [begin,begin+rows) of x, inputs from `first` on, -> tiles [rows/16][tiles][planes]; rows up to the
// next whole 16 are zeros.
template <class Kind>
void pack_rows(const PackedProduct& p, int64_t begin, int64_t rows, int64_t first, int64_t tiles, uint8_t* to,
               float* scales) {
  const int64_t inputs = p.weight->inputs();
  for (int64_t m = 0; m < (rows + 15) / 16 * 16; ++m) {
    const float* row = p.x + (begin + m) * p.x_stride;
    const bool is_there = m < rows;
    const float scale = is_there ? int8_scale<Kind>(row, inputs) : 0;
    const float steps = scale > 0 ? 1 / scale : 0;
    scales[m] = scale;
    for (int64_t tile = 0; tile < tiles; ++tile) {
      const int64_t k = first + tile * Kind::kDepth;
      Kind::split(row + k, is_there ? inputs - k : 0, steps,
                  to + ((m / 16 * tiles + tile) * Kind::kPlanes) * kTileBytes + m % 16 * 64);
    }
  }
}

void load_left(const uint8_t* a, const uint8_t* lower) {
  _tile_loadd(4, a, 64);
  if (lower != nullptr) _tile_loadd(5, lower, 64);
}
void load_right(const uint8_t* b) {
  _tile_loadd(6, b, 64);
  _tile_loadd(7, b + kTileBytes, 64);
}
template <class Kind, bool kBoth>
void multiply_loaded() {
  if constexpr (Kind::kDepth == 64) {
    _tile_dpbssd(0, 4, 6);
    _tile_dpbssd(1, 4, 7);
    if constexpr (kBoth) {
      _tile_dpbssd(2, 5, 6);
      _tile_dpbssd(3, 5, 7);
    }
  } else {
    _tile_dpbf16ps(0, 4, 6);
    _tile_dpbf16ps(1, 4, 7);
    if constexpr (kBoth) {
      _tile_dpbf16ps(2, 5, 6);
      _tile_dpbf16ps(3, 5, 7);
    }
  }
}

// sums [2 of 16 rows][2 of 16 columns][16][16] of the rows at `a` (and the 16 below them) and a strip.
template <class Kind, bool kBoth>
void multiply_block(int64_t tiles, const uint8_t* a, const uint8_t* b, typename Kind::Sum* sums) {
  constexpr int64_t kStep = Kind::kPlanes * kTileBytes;
  const uint8_t* lower = a + tiles * kStep;
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  const auto left = [&](int plane) {
    load_left(a + plane * kTileBytes, kBoth ? lower + plane * kTileBytes : nullptr);
  };
  const auto right = [&](int plane) { load_right(b + plane * 2 * kTileBytes); };
  for (int64_t tile = 0; tile < tiles; ++tile, a += kStep, lower += kStep, b += 2 * kStep) {
    left(0);
    if constexpr (Kind::kPlanes == 3) {  // 0·2, 0·1, 1·1, 1·0, 2·0 and at last 0·0
      right(2);
      multiply_loaded<Kind, kBoth>();
      right(1);
      multiply_loaded<Kind, kBoth>();
      left(1);
      multiply_loaded<Kind, kBoth>();
      right(0);
      multiply_loaded<Kind, kBoth>();
      left(2);
      multiply_loaded<Kind, kBoth>();
      left(0);
    } else {
      right(0);
    }
    multiply_loaded<Kind, kBoth>();
  }
  _tile_stored(0, sums, 64);
  _tile_stored(1, sums + 256, 64);
  if constexpr (kBoth) {
    _tile_stored(2, sums + 512, 64);
    _tile_stored(3, sums + 768, 64);
  }
}

// e^x, to the last bit or two: Cephes' polynomial on [-ln 2/2, ln 2/2].
__m512 exponential(__m512 x) {
  x = _mm512_max_ps(_mm512_min_ps(x, _mm512_set1_ps(87.0F)), _mm512_set1_ps(-104.0F));
  const __m512 n = _mm512_roundscale_ps(_mm512_mul_ps(x, _mm512_set1_ps(1.44269504088896341F)),
                                        _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  __m512 r = _mm512_fnmadd_ps(n, _mm512_set1_ps(0.693359375F), x);
  r = _mm512_fnmadd_ps(n, _mm512_set1_ps(-2.12194440e-4F), r);
  __m512 y = _mm512_set1_ps(1.9875691500e-4F);
  for (const float c :
       {1.3981999507e-3F, 8.3334519073e-3F, 4.1665795894e-2F, 1.6666665459e-1F, 5.0000001201e-1F})
    y = _mm512_fmadd_ps(y, r, _mm512_set1_ps(c));
  y = _mm512_fmadd_ps(_mm512_mul_ps(y, r), r, _mm512_add_ps(r, _mm512_set1_ps(1)));
  return _mm512_scalef_ps(y, n);
}

// 14 bits and one Newton step: to the last bit or two.
__m512 reciprocal(__m512 x) {
  const __m512 guess = _mm512_rcp14_ps(x);
  return _mm512_mul_ps(guess, _mm512_fnmadd_ps(x, guess, _mm512_set1_ps(2)));
}

// x / (1 + e^-v)
__m512 gated(__m512 x, __m512 v) {
  const __m512 grown = exponential(_mm512_sub_ps(_mm512_setzero_ps(), v));
  return _mm512_mul_ps(x, reciprocal(_mm512_add_ps(_mm512_set1_ps(1), grown)));
}

// x times the share of a normal distribution that is below it; erfc by Press et al., Numerical Recipes 6.2,
// within 1.2e-7 of itself.
__m512 gelu(__m512 x) {
  const __m512 one = _mm512_set1_ps(1), half = _mm512_set1_ps(0.5F);
  const __m512 z = _mm512_mul_ps(_mm512_abs_ps(x), _mm512_set1_ps(0.70710678118654752F));
  const __m512 t = reciprocal(_mm512_fmadd_ps(half, z, one));
  __m512 y = _mm512_set1_ps(0.17087277F);
  for (const float c : {-0.82215223F, 1.48851587F, -1.13520398F, 0.27886807F, -0.18628806F, 0.09678418F,
                        0.37409196F, 1.00002368F, -1.26551223F})
    y = _mm512_fmadd_ps(y, t, _mm512_set1_ps(c));
  const __m512 tail = _mm512_mul_ps(_mm512_mul_ps(half, t), exponential(_mm512_fnmadd_ps(z, z, y)));
  const __mmask16 is_below = _mm512_cmp_ps_mask(x, _mm512_setzero_ps(), _CMP_LT_OQ);
  return _mm512_mul_ps(x, _mm512_mask_mov_ps(_mm512_sub_ps(one, tail), is_below, tail));
}

template <Activation kActivation>
__m512 activated(__m512 x) {
  switch (kActivation) {
    case Activation::kNone:
      return x;
    case Activation::kGelu:
      return gelu(x);
    case Activation::kGeluTanh: {
      const __m512 cube = _mm512_mul_ps(_mm512_mul_ps(x, x), x);
      const __m512 u = _mm512_fmadd_ps(cube, _mm512_set1_ps(0.044715F), x);
      return gated(x, _mm512_mul_ps(u, _mm512_set1_ps(1.59576912160573081F)));
    }
    case Activation::kQuickGelu:
      return gated(x, _mm512_mul_ps(x, _mm512_set1_ps(1.702F)));
    case Activation::kRelu:
      return _mm512_max_ps(x, _mm512_setzero_ps());
    case Activation::kSilu:
      return gated(x, x);
  }
}

__m512 as_float(const float* sums) { return _mm512_load_ps(sums); }
__m512 as_float(const int32_t* sums) { return _mm512_cvtepi32_ps(_mm512_load_si512(sums)); }

// Where the sums of a block go.
struct Target {
  int64_t row, rows, column;  // rows: at most 32
  bool continues, ends;       // sums of earlier inputs are in y already; no more come
  const float* row_scales;    // int8: of each row
};

// y = act(sums + bias), or what is there so far.
template <Activation kActivation, class Sum>
void finish_block(const PackedProduct& p, const Target& t, const Sum* sums) {
  for (int64_t half = 0; half < 2; ++half) {
    const int64_t column = t.column + 16 * half;
    const __mmask16 lanes = first_lanes(p.weight->outputs() - column);
    if (lanes == 0) break;
    const __m512 bias =
        p.bias != nullptr && t.ends ? _mm512_maskz_loadu_ps(lanes, p.bias + column) : _mm512_setzero_ps();
    __m512 scales = _mm512_set1_ps(1);
    if constexpr (std::is_same_v<Sum, int32_t>) scales = _mm512_loadu_ps(p.weight->scales() + column);
    for (int64_t row = 0; row < t.rows; ++row) {
      float* y = p.y + (t.row + row) * p.y_stride + column;
      __m512 x = as_float(sums + (row / 16 * 2 + half) * 256 + row % 16 * 16);
      if constexpr (std::is_same_v<Sum, int32_t>)
        x = _mm512_mul_ps(x, _mm512_mul_ps(scales, _mm512_set1_ps(t.row_scales[row])));
      if (t.continues) x = _mm512_add_ps(x, _mm512_maskz_loadu_ps(lanes, y));
      x = _mm512_add_ps(x, bias);
      _mm512_mask_storeu_ps(y, lanes, t.ends ? activated<kActivation>(x) : x);
    }
  }
}

template <class Sum>
void finish_block(const PackedProduct& p, const Target& t, const Sum* sums) {
  switch (p.activation) {
    case Activation::kNone:
      return finish_block<Activation::kNone>(p, t, sums);
    case Activation::kGelu:
      return finish_block<Activation::kGelu>(p, t, sums);
    case Activation::kGeluTanh:
      return finish_block<Activation::kGeluTanh>(p, t, sums);
    case Activation::kQuickGelu:
      return finish_block<Activation::kQuickGelu>(p, t, sums);
    case Activation::kRelu:
      return finish_block<Activation::kRelu>(p, t, sums);
    case Activation::kSilu:
      return finish_block<Activation::kSilu>(p, t, sums);
  }
}

// Rows [begin,end) and strips [strip_begin,strip_end). What a row has in cache is 4.5 KiB: deeper products
// are made in several passes, as many for any number of rows.
template <class Kind>
void multiply_panel(const PackedProduct& p, int64_t begin, int64_t end, int64_t strip_begin,
                    int64_t strip_end) {
  thread_local Scratch scratch;
  constexpr int64_t kPassTiles = Kind::kPlanes == 3 ? 24 : 72, kStep = Kind::kPlanes * kTileBytes;
  const int64_t all_tiles = p.weight->depth_tiles(), rows = end - begin;
  const int64_t passes = Kind::kDepth == 64 ? 1 : (all_tiles + kPassTiles - 1) / kPassTiles;
  const int64_t most_tiles = (all_tiles + passes - 1) / passes, row_tiles = (rows + 15) / 16;
  uint8_t* memory = scratch.of(row_tiles * (most_tiles * kStep + 64) + 4 * kTileBytes);
  auto* sums = reinterpret_cast<typename Kind::Sum*>(memory);
  uint8_t* panel = memory + 4 * kTileBytes;
  auto* row_scales = reinterpret_cast<float*>(panel + row_tiles * most_tiles * kStep);
  TileSetup setup;
  setup.rows(16);
  for (int64_t first = 0; first < all_tiles; first += most_tiles) {
    const int64_t tiles = std::min(most_tiles, all_tiles - first);
    pack_rows<Kind>(p, begin, rows, first * Kind::kDepth, tiles, panel, row_scales);
    for (int64_t strip = strip_begin; strip < strip_end; ++strip) {
      const uint8_t* right = p.weight->tiles() + (strip * all_tiles + first) * 2 * kStep;
      for (int64_t row = 0; row < rows; row += 32) {
        const uint8_t* left = panel + row / 16 * tiles * kStep;
        if (rows - row > 16)
          multiply_block<Kind, true>(tiles, left, right, sums);
        else
          multiply_block<Kind, false>(tiles, left, right, sums);
        const Target target{begin + row, std::min<int64_t>(32, rows - row), strip * kStrip,
                            first > 0,   first + tiles == all_tiles,        row_scales + row};
        finish_block(p, target, sums);
      }
    }
  }
}

}  // namespace

void multiply_part(const PackedProduct& product, const ProductParts& parts, int64_t part) {
  const int64_t begin = part / parts.column_parts * parts.panel_rows, column = part % parts.column_parts,
                end = std::min(product.rows, begin + parts.panel_rows), strips = product.weight->strips();
  const int64_t strip_begin = strips * column / parts.column_parts,
                strip_end = strips * (column + 1) / parts.column_parts;
  switch (product.weight->precision()) {
    case ProductPrecision::kFp32:
      return multiply_panel<Fp32>(product, begin, end, strip_begin, strip_end);
    case ProductPrecision::kBf16:
      return multiply_panel<Bf16>(product, begin, end, strip_begin, strip_end);
    case ProductPrecision::kInt8:
      return multiply_panel<Int8>(product, begin, end, strip_begin, strip_end);
  }
}

}  // namespace athanor
