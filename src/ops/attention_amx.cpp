// The attention of attention.h by AMX tiles: 32 queries at a time against all keys, whose tiles are made once
// a head. Scores and shares of the 32 stay in cache.
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#include <immintrin.h>

#include <algorithm>
#include <cmath>

#include "src/core/memory.h"
#include "src/ops/attention.h"

#pragma GCC target("avx512f,avx512dq,avx512bw,avx512vl,avx512bf16,fma,amx-tile,amx-bf16,amx-int8")

#include "src/ops/amx_blocks.h"

namespace athanor {
namespace {

int64_t tiles_of(int64_t count, int64_t size) { return (count + size - 1) / size; }

// A head's memory. Left factors are tiles [rows/16][depth tiles][planes], right ones [outputs/32][depth
// tiles][planes][2].
struct HeadMemory {
  HeadMemory(const Attention& a, int64_t planes)
      : depth(tiles_of(a.width, 32)), key_strips(tiles_of(a.length, 32)), whole(key_strips * 32) {
    const int64_t pair = planes * 2 * kTileBytes, key_bytes = key_strips * depth * pair;
    const int64_t needed = 2 * key_bytes + depth * pair + key_strips * pair + (32 * whole + 32 * 32) * 4;
    thread_local LargeMemory memory;
    thread_local int64_t size = 0;
    if (needed > size) {
      memory = large_memory(needed);
      size = needed;
    }
    keys = memory.get();
    values = keys + key_bytes;
    queries = values + key_bytes;
    shares = queries + depth * pair;
    scores = reinterpret_cast<float*>(shares + key_strips * pair);
    sums = scores + 32 * whole;
  }
  int64_t depth, key_strips, whole;  // whole: keys up to whole strips
  uint8_t *keys, *values, *queries, *shares;
  float *scores, *sums;  // [32,whole], [32,32]
};

// rows [count <= 16,width] -> left tiles; rows of zeros behind them.
template <class Kind>
void pack_left(const float* rows, int64_t stride, int64_t count, int64_t width, int64_t depth, uint8_t* to) {
  for (int64_t row = 0; row < 16; ++row)
    for (int64_t tile = 0; tile < depth; ++tile)
      Kind::split(rows + row * stride + tile * 32, row < count ? width - tile * 32 : 0, 1,
                  to + tile * Kind::kPlanes * kTileBytes + row * 64);
}

// Keys as outputs of a product whose depth is their width. What stands for keys that are not there is never
// looked at.
template <class Kind>
void pack_keys(const float* k, const Attention& a, const HeadMemory& m) {
  alignas(64) uint8_t planes[Kind::kPlanes * kTileBytes];
  for (int64_t key = 0; key < a.length; key += 16)
    for (int64_t tile = 0; tile < m.depth; ++tile) {
      pack_left<Kind>(k + key * a.row_stride + tile * 32, a.row_stride, a.length - key, a.width - tile * 32,
                      1, planes);
      uint8_t* to = m.keys + ((key / 32 * m.depth + tile) * Kind::kPlanes * 2 + key / 16 % 2) * kTileBytes;
      for (int64_t plane = 0; plane < Kind::kPlanes; ++plane) {
        __m512i words[16];
        for (int i = 0; i < 16; ++i) words[i] = _mm512_load_si512(planes + plane * kTileBytes + i * 64);
        transpose(words);
        for (int i = 0; i < 16; ++i) _mm512_store_si512(to + plane * 2 * kTileBytes + i * 64, words[i]);
      }
    }
}

// Values as depth of a product whose outputs are their width; zeros behind the last.
template <class Kind>
void pack_values(const float* v, const Attention& a, const HeadMemory& m) {
  for (int64_t key = 0; key < m.whole; key += 2)
    for (int64_t column = 0; column < m.depth * 32; column += 16) {
      const float* from = v + key * a.row_stride + column;
      const __mmask16 lanes = first_lanes(a.width - column);
      __m512 even = _mm512_maskz_loadu_ps(key < a.length ? lanes : 0, from);
      __m512 odd = _mm512_maskz_loadu_ps(key + 1 < a.length ? lanes : 0, from + a.row_stride);
      const int64_t tile = (column / 32 * m.key_strips + key / 32) * Kind::kPlanes * 2 + column / 16 % 2;
      uint8_t* to = m.values + tile * kTileBytes + key % 32 / 2 * 64;
      for (int64_t plane = 0; plane < Kind::kPlanes; ++plane, to += 2 * kTileBytes) {
        const __m256i low = bf16_of(even), high = bf16_of(odd);
        even = _mm512_sub_ps(even, float_of(low));
        odd = _mm512_sub_ps(odd, float_of(high));
        const __m512i shifted = _mm512_slli_epi32(_mm512_cvtepu16_epi32(high), 16);
        _mm512_store_si512(to, _mm512_or_si512(_mm512_cvtepu16_epi32(low), shifted));
      }
    }
}

// sums [rows,32] of left tiles and a strip of right ones.
template <class Kind>
void multiply_rows(int64_t rows, int64_t depth, const uint8_t* left, const uint8_t* right, float* sums,
                   int64_t stride) {
  const auto nothing = [](int64_t) {};
  if (rows > 16)
    multiply_block<Kind, true>(depth, left, right, sums, stride, nothing);
  else
    multiply_block<Kind, false>(depth, left, right, sums, stride, nothing);
}

// 2^x for x <= 0, to the last bit or two: Cephes' polynomial on [-1/2, 1/2].
__m512 power_of_two(__m512 x) {
  const __m512 n = _mm512_roundscale_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  const __m512 r = _mm512_sub_ps(x, n);
  __m512 y = _mm512_set1_ps(1.535336188319500e-4F);
  for (const float c : {1.339887440266574e-3F, 9.618437357674640e-3F, 5.550332471162809e-2F,
                        2.402264791363012e-1F, 6.931472028550421e-1F, 1.0F})
    y = _mm512_fmadd_ps(y, r, _mm512_set1_ps(c));
  return _mm512_scalef_ps(y, n);
}

// Scores of a query, times `scale` and masked, in place; returns the largest.
float scale_scores(float* scores, const float* mask, int64_t keys, float scale) {
  __m512 most = _mm512_set1_ps(-INFINITY);
  for (int64_t key = 0; key < keys; key += 16) {
    const __mmask16 lanes = first_lanes(keys - key);
    const __m512 seen = mask == nullptr ? _mm512_setzero_ps() : _mm512_maskz_loadu_ps(lanes, mask + key);
    const __m512 x = _mm512_fmadd_ps(_mm512_load_ps(scores + key), _mm512_set1_ps(scale), seen);
    _mm512_store_ps(scores + key, x);
    most = _mm512_mask_max_ps(most, lanes, most, x);
  }
  return _mm512_reduce_max_ps(most);
}

// 2^(score - the largest) as a line of left tiles, zeros behind the last key. Returns 1 over their sum.
template <class Kind>
float share_out(const float* scores, float largest, int64_t keys, uint8_t* to) {
  const __m512 most = _mm512_set1_ps(largest);
  __m512 sum = _mm512_setzero_ps();
  for (int64_t key = 0; key < keys; key += 32, to += Kind::kPlanes * kTileBytes) {
    __m512 parts[2];
    for (int64_t half = 0; half < 2; ++half) {
      const __m512 x = _mm512_sub_ps(_mm512_load_ps(scores + key + 16 * half), most);
      parts[half] = _mm512_maskz_mov_ps(first_lanes(keys - key - 16 * half), power_of_two(x));
      sum = _mm512_add_ps(sum, parts[half]);
    }
    Kind::split(parts[0], parts[1], to);
  }
  return 1 / _mm512_reduce_add_ps(sum);
}

// out [rows,width] = shares values, each row times its factor.
template <class Kind>
void mix(const Attention& a, const HeadMemory& m, int64_t rows, const float* factors, float* out) {
  for (int64_t strip = 0; strip < m.depth; ++strip) {
    const uint8_t* right = m.values + strip * m.key_strips * Kind::kPlanes * 2 * kTileBytes;
    multiply_rows<Kind>(rows, m.key_strips, m.shares, right, m.sums, 32);
    for (int64_t row = 0; row < rows; ++row)
      for (int64_t half = 0; half < 2; ++half) {
        const int64_t column = strip * 32 + half * 16;
        const __m512 x = _mm512_load_ps(m.sums + row * 32 + half * 16);
        _mm512_mask_storeu_ps(out + row * a.heads * a.width + column, first_lanes(a.width - column),
                              _mm512_mul_ps(x, _mm512_set1_ps(factors[row])));
      }
  }
}

// Queries [query,query+rows), at most 32, of a head.
template <class Kind>
void attend_rows(const Attention& a, const HeadMemory& m, const float* q, const float* mask, int64_t query,
                 int64_t rows, float* out) {
  constexpr int64_t kStep = Kind::kPlanes * kTileBytes;
  constexpr float kLog2OfE = 1.44269504088896341F;
  const float scale = kLog2OfE / std::sqrt(static_cast<float>(a.width));
  for (int64_t half = 0; half * 16 < rows; ++half)
    pack_left<Kind>(q + (query + half * 16) * a.row_stride, a.row_stride, rows - half * 16, a.width, m.depth,
                    m.queries + half * m.depth * kStep);
  for (int64_t strip = 0; strip < m.key_strips; ++strip)
    multiply_rows<Kind>(rows, m.depth, m.queries, m.keys + strip * m.depth * 2 * kStep, m.scores + strip * 32,
                        m.whole);
  float factors[32];
  for (int64_t row = 0; row < rows; ++row) {
    float* scores = m.scores + row * m.whole;
    const float* seen = mask == nullptr ? nullptr : mask + (query + row) * a.mask_row_stride;
    const float largest = scale_scores(scores, seen, a.length, scale);
    uint8_t* line = m.shares + row / 16 * m.key_strips * kStep + row % 16 * 64;
    factors[row] = share_out<Kind>(scores, largest, a.length, line);
  }
  mix<Kind>(a, m, rows, factors, out + query * a.heads * a.width);
}

// Rows [row,row+rows) of a head come nearer while others are at work: they stand far apart, so that nothing
// else sees them coming.
void ask_for(const Attention& a, int64_t at, int64_t row, int64_t rows) {
  for (const float* part : {a.q, a.k, a.v})
    for (int64_t i = row; i < row + rows; ++i)
      for (int64_t column = 0; column < a.width; column += 16)
        __builtin_prefetch(part + at + i * a.row_stride + column, 0, 2);
}

template <class Kind>
void attend(const Attention& a, int64_t first, int64_t end) {
  const HeadMemory m(a, Kind::kPlanes);
  TileSetup setup;
  setup.rows(16);
  const auto begin_of = [&](int64_t i) { return i / a.heads * a.batch_stride + i % a.heads * a.head_stride; };
  for (int64_t i = first; i < end; ++i) {
    const int64_t batch = i / a.heads, head = i % a.heads, at = begin_of(i);
    pack_keys<Kind>(a.k + at, a, m);
    pack_values<Kind>(a.v + at, a, m);
    const float* mask = a.mask == nullptr ? nullptr : a.mask + batch * a.mask_batch_stride;
    for (int64_t query = 0; query < a.length; query += 32) {
      const int64_t rows = std::min<int64_t>(32, a.length - query);
      if (i + 1 < end) ask_for(a, begin_of(i + 1), query, rows);
      attend_rows<Kind>(a, m, a.q + at, mask, query, rows,
                        a.out + (batch * a.length * a.heads + head) * a.width);
    }
  }
}

}  // namespace

void attend_heads(const Attention& attention, int64_t first, int64_t end) {
  if (attention.precision == ProductPrecision::kFp32)
    attend<Fp32>(attention, first, end);
  else
    attend<Bf16>(attention, first, end);
}

}  // namespace athanor
