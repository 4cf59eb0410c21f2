// AMX's tiles: their sizes, set for a scope, and the transpose of one. Included behind the includer's
// `#pragma GCC target`, after <immintrin.h>.
#pragma once

#include <cstdint>

namespace athanor {
namespace {

// Leaves the tiles as they were: oneDNN remembers what it had set on this thread.
class TileSetup {
 public:
  TileSetup() { _tile_storeconfig(before_); }
  ~TileSetup() { _tile_loadconfig(before_); }
  TileSetup(const TileSetup&) = delete;
  TileSetup& operator=(const TileSetup&) = delete;
  // Tiles 0-3 are sums and 4 the left factor, of `rows` rows; 5-7 are of 16. All are 64 bytes wide.
  void rows(int64_t rows) {
    if (rows == rows_) return;
    rows_ = rows;
    Config config;
    for (int tile = 0; tile < 8; ++tile) {
      config.rows[tile] = static_cast<uint8_t>(tile < 5 ? rows : 16);
      config.bytes[tile] = 64;
    }
    _tile_loadconfig(&config);
  }

 private:
  struct alignas(64) Config {
    uint8_t palette = 1, start_row = 0, reserved[14] = {};
    uint16_t bytes[16] = {};
    uint8_t rows[16] = {};
  };
  alignas(64) uint8_t before_[64];
  int64_t rows_ = 0;
};

// Transposes 16 x 16 words in place: neighbours exchange halves at distance 1, 2, 4 and 8.
inline void transpose(__m512i (&v)[16]) {
  __m512i t[16];
  for (int i = 0; i < 16; i += 2) {
    t[i] = _mm512_unpacklo_epi32(v[i], v[i + 1]);
    t[i + 1] = _mm512_unpackhi_epi32(v[i], v[i + 1]);
  }
  for (int i = 0; i < 16; i += 4)
    for (int j = 0; j < 2; ++j) {
      v[i + 2 * j] = _mm512_unpacklo_epi64(t[i + j], t[i + j + 2]);
      v[i + 2 * j + 1] = _mm512_unpackhi_epi64(t[i + j], t[i + j + 2]);
    }
  for (int i = 0; i < 4; ++i)
    for (int half = 0; half < 16; half += 8) {
      t[half + i] = _mm512_shuffle_i32x4(v[half + i], v[half + i + 4], 0x88);
      t[half + i + 4] = _mm512_shuffle_i32x4(v[half + i], v[half + i + 4], 0xdd);
    }
  for (int i = 0; i < 8; ++i) {
    v[i] = _mm512_shuffle_i32x4(t[i], t[i + 8], 0x88);
    v[i + 8] = _mm512_shuffle_i32x4(t[i], t[i + 8], 0xdd);
  }
}

}  // namespace
}  // namespace athanor
