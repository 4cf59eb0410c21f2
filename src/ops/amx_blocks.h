// Blocks of 32 x 32 sums by AMX tiles, two by two, of factors in fp32 (as sums of three bf16, see
// packed_product.h), bf16 or int8. Included behind the includer's `#pragma GCC target`, after <immintrin.h>.
// Source of the layout: Intel 64 and IA-32 Architectures Software Developer's Manual, TDPBF16PS and TDPBSSD.
#pragma once

#include <cstdint>

#include "src/ops/amx_tiles.h"

namespace athanor {
namespace {

constexpr int64_t kTileBytes = 1024, kStrip = 32;

__m256i bf16_of(__m512 x) { return reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(x)); }
__m512 float_of(__m256i bf16) {
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(bf16), 16));
}
__mmask16 first_lanes(int64_t count) {
  return count >= 16 ? 0xFFFF : count <= 0 ? 0 : static_cast<__mmask16>((1u << count) - 1);
}

// How a kind of factor is laid into tiles and multiplied. kPlanes tiles stand for one of the matrix, kDepth
// numbers deep.
template <int kCount>
struct Floats {
  static constexpr int kPlanes = kCount, kDepth = 32;
  using Sum = float;
  // 32 numbers of a row -> its line in each plane
  static void split(__m512 low, __m512 high, uint8_t* to) {
    for (int plane = 0; plane < kPlanes; ++plane, to += kTileBytes) {
      const __m256i a = bf16_of(low), b = bf16_of(high);
      low = _mm512_sub_ps(low, float_of(a));
      high = _mm512_sub_ps(high, float_of(b));
      _mm512_store_si512(to, _mm512_inserti64x4(_mm512_castsi256_si512(a), b, 1));
    }
  }
  // The same of from [count]
  static void split(const float* from, int64_t count, float, uint8_t* to) {
    split(_mm512_maskz_loadu_ps(first_lanes(count), from),
          _mm512_maskz_loadu_ps(first_lanes(count - 16), from + 16), to);
  }
};
struct Fp32 : Floats<3> {};
struct Bf16 : Floats<1> {};
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

// sums [32,32] of the rows at `a` (and the 16 below them where kBoth) and a strip, rows `stride` apart.
// meanwhile(tile) is called once a step of depth.
template <class Kind, bool kBoth, class Meanwhile>
void multiply_block(int64_t tiles, const uint8_t* a, const uint8_t* b, typename Kind::Sum* sums,
                    int64_t stride, const Meanwhile& meanwhile) {
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
    meanwhile(tile);
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
  _tile_stored(0, sums, stride * 4);
  _tile_stored(1, sums + 16, stride * 4);
  if constexpr (kBoth) {
    _tile_stored(2, sums + 16 * stride, stride * 4);
    _tile_stored(3, sums + 16 * stride + 16, stride * 4);
  }
}

}  // namespace
}  // namespace athanor
