// The sizes of AMX's tiles, set for a scope. Included behind the includer's `#pragma GCC target`, after
// <immintrin.h>.
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

}  // namespace
}  // namespace athanor
