// LSTM kernel for AMX: matrix products of bf16 factors with fp32 sums, by tiles of 16 x 32 and 32 x 16;
// gates, states and their gradients in fp32 by AVX-512. Factors are rounded to bf16 here, as they are needed.
// Two bf16 that follow each other along k lie in one 32-bit word, which is what a tile of the right factor
// wants. Source of the tile layout: Intel 64 and IA-32 Architectures Software Developer's Manual, TDPBF16PS.
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#include <immintrin.h>

#include <cstdint>
#include <cstdlib>

#include "models/layers/lstm_kernel.h"

#pragma GCC target("avx512f,avx512dq,avx512bw,avx512bf16,fma,amx-tile,amx-bf16")

#include "models/layers/lstm_simd_avx512.h"

#include "models/layers/lstm_kernel_body.h"
#include "src/ops/amx_tiles.h"

namespace athanor {
namespace {

constexpr int64_t kTileRows = 16, kTileDepth = 32;
constexpr int64_t kWords = kTileDepth / 2;  // 32-bit words a tile row

using Word = uint32_t;  // two bf16 that follow each other along k

int64_t whole_tiles(int64_t depth) { return (depth + kTileDepth - 1) / kTileDepth * kTileDepth; }

// c [rows,16*N] (+)= a [rows,2*words] * b [2*words,16*N], rows as set up. Strides in words.
template <int N>
void multiply_tiles(int64_t words, const Word* a, int64_t a_stride, const Word* b, int64_t b_stride, float* c,
                    int64_t c_stride, bool accumulate) {
  const int64_t c_bytes = c_stride * 4, b_bytes = b_stride * 4;
  if (accumulate) {
    _tile_loadd(0, c, c_bytes);
    if constexpr (N > 1) _tile_loadd(1, c + 16, c_bytes);
    if constexpr (N > 2) _tile_loadd(2, c + 32, c_bytes);
    if constexpr (N > 3) _tile_loadd(3, c + 48, c_bytes);
  } else {
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
  }
  for (int64_t k = 0; k < words; k += kWords) {
    const Word* right = b + k * b_stride;
    _tile_loadd(4, a + k, a_stride * 4);
    _tile_loadd(5, right, b_bytes);
    _tile_dpbf16ps(0, 4, 5);
    if constexpr (N > 1) {
      _tile_loadd(6, right + 16, b_bytes);
      _tile_dpbf16ps(1, 4, 6);
    }
    if constexpr (N > 2) {
      _tile_loadd(7, right + 32, b_bytes);
      _tile_dpbf16ps(2, 4, 7);
    }
    if constexpr (N > 3) {
      _tile_loadd(5, right + 48, b_bytes);
      _tile_dpbf16ps(3, 4, 5);
    }
  }
  _tile_stored(0, c, c_bytes);
  if constexpr (N > 1) _tile_stored(1, c + 16, c_bytes);
  if constexpr (N > 2) _tile_stored(2, c + 32, c_bytes);
  if constexpr (N > 3) _tile_stored(3, c + 48, c_bytes);
}

// c [m,n] (+)= a [m,2*words] * b [2*words,n]; n is a multiple of 16, words of 16.
void multiply_words(TileSetup& tiles, int64_t m, int64_t n, int64_t words, const Word* a, int64_t a_stride,
                    const Word* b, int64_t b_stride, float* c, int64_t c_stride, bool accumulate) {
  for (int64_t row = 0; row < m; row += kTileRows) {
    tiles.rows(m - row < kTileRows ? m - row : kTileRows);
    for (int64_t column = 0; column < n; column += 64) {
      const auto call = [&](auto multiply) {
        multiply(words, a + row * a_stride, a_stride, b + column, b_stride, c + row * c_stride + column,
                 c_stride, accumulate);
      };
      switch ((n - column) / 16) {
        case 1:
          call(multiply_tiles<1>);
          break;
        case 2:
          call(multiply_tiles<2>);
          break;
        case 3:
          call(multiply_tiles<3>);
          break;
        default:
          call(multiply_tiles<4>);
      }
    }
  }
}

__m512i widened(const float* from) {
  return _mm512_cvtepu16_epi32(reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(_mm512_loadu_ps(from))));
}

// Words of rows k and k+1, 16 columns; rows from `rows` on are zeros.
__m512i row_pair(const float* from, int64_t stride, int64_t k, int64_t rows) {
  __m512i words = _mm512_setzero_si512();
  if (k < rows) words = widened(from + k * stride);
  if (k + 1 < rows) words = _mm512_or_si512(words, _mm512_slli_epi32(widened(from + (k + 1) * stride), 16));
  return words;
}

// from [rows,columns] -> to [whole_tiles(rows)/2,columns]
void pair_rows(const float* from, int64_t stride, int64_t rows, int64_t columns, Word* to) {
  for (int64_t k = 0; k < whole_tiles(rows); k += 2)
    for (int64_t column = 0; column < columns; column += 16)
      _mm512_storeu_si512(to + k / 2 * columns + column, row_pair(from + column, stride, k, rows));
}

// from [rows,columns] -> to [rows,to_stride] words, each of two columns; `columns` is a multiple of 16.
void pair_columns(const float* from, int64_t stride, int64_t rows, int64_t columns, Word* to,
                  int64_t to_stride) {
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t column = 0; column < columns; column += 16)
      _mm256_storeu_si256(
          reinterpret_cast<__m256i*>(to + row * to_stride + column / 2),
          reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(_mm512_loadu_ps(from + row * stride + column))));
}

// from [rows,columns] -> to [columns,whole_tiles(rows)/2] words, each of two rows.
void pair_transposed(const float* from, int64_t stride, int64_t rows, int64_t columns, Word* to) {
  const int64_t to_stride = whole_tiles(rows) / 2;
  for (int64_t column = 0; column < columns; column += 16)
    for (int64_t k = 0; k < whole_tiles(rows); k += kTileDepth) {
      __m512i words[16];
      for (int i = 0; i < 16; ++i) words[i] = row_pair(from + column, stride, k + 2 * i, rows);
      transpose(words);
      for (int i = 0; i < 16; ++i) _mm512_storeu_si512(to + (column + i) * to_stride + k / 2, words[i]);
    }
}

// Room that a thread keeps. No std::vector here: its code would be made for this instruction set, and the
// linker might give it to the whole program.
struct Room {
  Word* words = nullptr;
  int64_t size = 0;
  Room() = default;
  Room(const Room&) = delete;
  Room& operator=(const Room&) = delete;
  ~Room() { std::free(words); }
};

Word* scratch(int which, int64_t words) {
  static thread_local Room rooms[2];
  Room& room = rooms[which];
  if (room.size < words) {
    std::free(room.words);
    room.words = static_cast<Word*>(std::malloc(words * sizeof(Word)));
    room.size = room.words == nullptr ? 0 : words;
    if (room.words == nullptr) std::abort();  // a few MB at most
  }
  return room.words;
}

void forward_bf16(const LstmForwardStep& s) {
  const Simd::FlushDenormals flush;
  TileSetup tiles;
  const int64_t depth = s.input + s.hidden, words = whole_tiles(depth) / 2;
  Word* left = scratch(0, s.rows * words);
  pair_columns(s.x, s.input, s.rows, s.input, left, words);
  pair_columns(s.h_before, s.hidden, s.rows, s.hidden, left + s.input / 2, words);
  for (int64_t row = 0; row < s.rows; ++row)
    for (int64_t word = depth / 2; word < words; ++word) left[row * words + word] = 0;
  alignas(64) float sums[kTileRows * 4 * kLanes];
  for (int64_t unit = 0; unit < s.hidden; unit += kLanes) {
    const Word* weights = reinterpret_cast<const Word*>(s.weights + unit * 4 * depth);
    for (int64_t first = 0; first < s.rows; first += kTileRows) {
      const int64_t rows = s.rows - first < kTileRows ? s.rows - first : kTileRows;
      multiply_words(tiles, rows, 4 * kLanes, words, left + first * words, words, weights, 4 * kLanes, sums,
                     4 * kLanes, false);
      for (int64_t row = 0; row < rows; ++row) {
        Vec before[4];
        for (int n = 0; n < 4; ++n)
          before[n] = Simd::add(Simd::load(sums + row * 4 * kLanes + n * kLanes),
                                Simd::load(s.bias + unit * 4 + n * kLanes));
        finish_gates(s, first + row, unit, before);
      }
    }
  }
}

void multiply_weights_bf16(const MatrixProduct& p) {
  TileSetup tiles;
  const int64_t words = whole_tiles(p.k) / 2;
  Word* left = scratch(0, p.m * words);
  pair_columns(p.a, p.a_row_stride, p.m, p.k, left, words);
  multiply_words(tiles, p.m, p.n, words, left, words, reinterpret_cast<const Word*>(p.b), p.n, p.c, p.ldc,
                 p.accumulate);
}

void multiply_transposed_bf16(const MatrixProduct& first, const MatrixProduct& second) {
  TileSetup tiles;
  const int64_t words = whole_tiles(first.k) / 2;
  Word* left = scratch(0, first.m * words);
  pair_transposed(first.a, first.a_k_stride, first.k, first.m, left);
  for (const MatrixProduct* p : {&first, &second}) {
    Word* right = scratch(1, words * p->n);
    pair_rows(p->b, p->ldb, p->k, p->n, right);
    multiply_words(tiles, p->m, p->n, words, left, words, right, p->n, p->c, p->ldc, p->accumulate);
  }
}

void pack_bf16(const float* weights, int64_t rows, int64_t columns, float* packed) {
  pair_rows(weights, columns, rows, columns, reinterpret_cast<Word*>(packed));
}

}  // namespace

const LstmKernel kLstmKernelAmx = {
    "amx", kLanes, forward_bf16, backward_step, multiply_weights_bf16, multiply_transposed_bf16, pack_bf16};

}  // namespace athanor
