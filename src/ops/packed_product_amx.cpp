// The products of packed_product.h by AMX tiles: blocks of 32 x 32 sums, two tiles by two, for which the rows
// of a panel are split into bf16 parts (or rounded to int8) once and the weight streams by in strips of 32
// outputs. Source of the layout: Intel 64 and IA-32 Architectures Software Developer's Manual, TDPBF16PS and
// TDPBSSD.
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#include <immintrin.h>

#include <algorithm>
#include <cstring>
#include <type_traits>

#include "src/ops/gate_table.h"
#include "src/ops/packed_product.h"

#pragma GCC target("avx512f,avx512dq,avx512bw,avx512vl,avx512bf16,fma,amx-tile,amx-bf16,amx-int8,prfchw")

#include "src/ops/amx_blocks.h"

namespace athanor {
namespace {

// Memory of a thread, which grows and stays.
uint8_t* scratch_of(int64_t bytes) {
  thread_local LargeMemory memory;
  thread_local int64_t size = 0;
  if (bytes > size) {
    memory = large_memory(std::max<int64_t>(bytes, 2 << 20));
    size = bytes;
  }
  return memory.get();
}

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

// Where the sums of a block go.
struct Target {
  float* y;                      // of its first row and column
  int64_t stride, rows, column;  // rows: at most 32
  bool continues, ends;          // sums of earlier inputs are in y already; no more come
  const float* row_scales;       // int8: of each row
};

// Asks for the lines of cache that step `step` of `steps` has to ask for, so that all of y's are there when
// the sums are: waiting for them would take a fifth of the time.
void ask_for(const Target& target, int64_t step, int64_t steps) {
  for (int64_t row = target.rows * step / steps; row < target.rows * (step + 1) / steps; ++row) {
    __builtin_prefetch(target.y + row * target.stride, 1);
    __builtin_prefetch(target.y + row * target.stride + 16, 1);
    __builtin_prefetch(target.y + row * target.stride + 31, 1);
  }
}

// The weight's next bytes, on their way from memory to the second level of cache.
void ask_for(const uint8_t* bytes, int64_t count) {
  for (int64_t i = 0; i < count; i += 64) __builtin_prefetch(bytes + i, 0, 2);
}

// x g(x) of a table.
__m512 gated(const GateTable& table, __m512 x) {
  const __m512 size = _mm512_abs_ps(x);
  const __m512 place = _mm512_min_ps(_mm512_mul_ps(size, _mm512_set1_ps(table.pieces_a_unit)),
                                     _mm512_set1_ps(GateTable::kPieces - 0.001F));
  const __m512i piece = _mm512_cvttps_epi32(place);
  const __m512 middle = _mm512_add_ps(_mm512_cvtepi32_ps(piece), _mm512_set1_ps(0.5F));
  const __m512 t = _mm512_mul_ps(_mm512_sub_ps(place, middle), _mm512_set1_ps(1 / table.pieces_a_unit));
  const auto term = [&](int i) {
    return _mm512_permutex2var_ps(_mm512_load_ps(table.terms[i]), piece, _mm512_load_ps(table.terms[i] + 16));
  };
  __m512 g = term(GateTable::kTerms - 1);
  for (int i = GateTable::kTerms - 2; i >= 0; --i) g = _mm512_fmadd_ps(g, t, term(i));
  const __mmask16 is_below = _mm512_movepi32_mask(_mm512_castps_si512(x));
  return _mm512_mul_ps(x, _mm512_mask_sub_ps(g, is_below, _mm512_set1_ps(1), g));
}

template <Activation kActivation>
__m512 activated(__m512 x) {
  if constexpr (kActivation == Activation::kNone) return x;
  if constexpr (kActivation == Activation::kRelu) return _mm512_max_ps(x, _mm512_setzero_ps());
  static const GateTable& table = gate_table(kActivation);
  return gated(table, x);
}

__m512 as_float(const float* sums) { return _mm512_load_ps(sums); }
__m512 as_float(const int32_t* sums) { return _mm512_cvtepi32_ps(_mm512_load_si512(sums)); }

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
      float* y = t.y + row * t.stride + 16 * half;
      __m512 x = as_float(sums + row * kStrip + half * 16);
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
  constexpr int64_t kPassTiles = Kind::kPlanes == 3 ? 24 : 72, kStep = Kind::kPlanes * kTileBytes;
  const int64_t all_tiles = p.weight->depth_tiles(), rows = end - begin;
  const int64_t passes = Kind::kDepth == 64 ? 1 : (all_tiles + kPassTiles - 1) / kPassTiles;
  const int64_t most_tiles = (all_tiles + passes - 1) / passes, row_tiles = (rows + 15) / 16;
  uint8_t* memory = scratch_of(row_tiles * (most_tiles * kStep + 64) + 4 * kTileBytes);
  auto* sums = reinterpret_cast<typename Kind::Sum*>(memory);
  uint8_t* panel = memory + 4 * kTileBytes;
  auto* row_scales = reinterpret_cast<float*>(panel + row_tiles * most_tiles * kStep);
  TileSetup setup;
  setup.rows(16);
  for (int64_t first = 0; first < all_tiles; first += most_tiles) {
    const int64_t tiles = std::min(most_tiles, all_tiles - first);
    pack_rows<Kind>(p, begin, rows, first * Kind::kDepth, tiles, panel, row_scales);
    const int64_t blocks = (rows + 31) / 32,
                  share = (2 * kStep / blocks + 63) / 64 * 64;  // of the next strip
    for (int64_t strip = strip_begin; strip < strip_end; ++strip) {
      const uint8_t* right = p.weight->tiles() + (strip * all_tiles + first) * 2 * kStep;
      const uint8_t* next = right + all_tiles * 2 * kStep;
      for (int64_t row = 0; row < rows; row += 32) {
        const uint8_t* left = panel + row / 16 * tiles * kStep;
        const Target target{.y = p.y + (begin + row) * p.y_stride + strip * kStrip,
                            .stride = p.y_stride,
                            .rows = std::min<int64_t>(32, rows - row),
                            .column = strip * kStrip,
                            .continues = first > 0,
                            .ends = first + tiles == all_tiles,
                            .row_scales = row_scales + row};
        const auto ask = [&](int64_t tile) {
          ask_for(target, tile, tiles);
          if (strip + 1 < strip_end) ask_for(next + (row / 32 * tiles + tile) * share, share);
        };
        if (rows - row > 16)
          multiply_block<Kind, true>(tiles, left, right, sums, kStrip, ask);
        else
          multiply_block<Kind, false>(tiles, left, right, sums, kStrip, ask);
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
