// The walk's loops for AVX2: 8 differences, 16 distances, 32 levels at once.
#include "src/rqa/walk_kernel.h"

#if defined(__x86_64__)
#include <immintrin.h>

#pragma GCC target("avx2,fma,popcnt,bmi,bmi2")

#include "src/rqa/line_stack.h"
#include "src/rqa/walk_cells.h"

namespace athanor::rqa {
namespace {

__m256i load(const void* from) { return _mm256_loadu_si256(static_cast<const __m256i*>(from)); }
void store(void* to, __m256i value) { _mm256_storeu_si256(static_cast<__m256i*>(to), value); }

struct Word {
  __m256i parts[4];

  static Word load(const uint16_t* from) {
    Word word;
    for (int part = 0; part < 4; ++part) word.parts[part] = rqa::load(from + 16 * part);
    return word;
  }
  void store(uint16_t* to) const {
    for (int part = 0; part < 4; ++part) rqa::store(to + 16 * part, parts[part]);
  }
  template <Norm kNorm>
  Word combine(const Word& more) const {
    Word word;
    for (int part = 0; part < 4; ++part)
      word.parts[part] = kNorm == Norm::kLinf ? _mm256_max_epu16(parts[part], more.parts[part])
                                              : _mm256_adds_epu16(parts[part], more.parts[part]);
    return word;
  }
  uint64_t below(uint16_t limit) const {
    const __m256i limits = _mm256_set1_epi16(static_cast<short>(limit));
    uint64_t bits = 0;
    for (int half = 0; half < 2; ++half) {
      __m256i reached[2];
      for (int part = 0; part < 2; ++part) {
        const __m256i cells = parts[2 * half + part];
        reached[part] = _mm256_cmpeq_epi16(_mm256_max_epu16(cells, limits), cells);
      }
      // Packing works within lanes of 128 bits.
      const __m256i bytes = _mm256_permute4x64_epi64(_mm256_packs_epi16(reached[0], reached[1]), 0xd8);
      bits |= uint64_t{~static_cast<uint32_t>(_mm256_movemask_epi8(bytes))} << (32 * half);
    }
    return bits;
  }
};

template <Norm kNorm>
__m256 add_term(__m256 sum, __m256 difference) {
  if (kNorm == Norm::kL2) return _mm256_fmadd_ps(difference, difference, sum);
  const __m256 size = _mm256_andnot_ps(_mm256_set1_ps(-0.0F), difference);
  return kNorm == Norm::kLinf ? _mm256_max_ps(sum, size) : _mm256_add_ps(sum, size);
}

template <Norm kNorm, bool kColumn>
[[gnu::always_inline]] inline Word terms(const Coordinates& x, int64_t i, int64_t j) {
  __m256 sums[8];
  for (__m256& sum : sums) sum = _mm256_setzero_ps();
  for (int64_t k = 0; k < x.count; ++k) {
    const float *a = x.values[k] + i, *b = x.values[k] + j;
    for (int64_t part = 0; part < 8; ++part) {
      const __m256 other = kColumn ? _mm256_set1_ps(*b) : _mm256_loadu_ps(b + 8 * part);
      sums[part] = add_term<kNorm>(sums[part], _mm256_sub_ps(_mm256_loadu_ps(a + 8 * part), other));
    }
  }
  Word word;
  for (int64_t part = 0; part < 4; ++part) {
    __m256i whole[2];
    for (int64_t half = 0; half < 2; ++half)
      whole[half] = _mm256_cvtps_epi32(_mm256_min_ps(sums[2 * part + half], _mm256_set1_ps(kFar)));
    word.parts[part] = _mm256_permute4x64_epi64(_mm256_packus_epi32(whole[0], whole[1]), 0xd8);
  }
  return word;
}

// Bytes of ones for 32 places that follow the one before.
__m256i following(const uint32_t* places) {
  __m256i equal[4];
  for (int part = 0; part < 4; ++part) {
    const __m256i next = _mm256_add_epi32(load(places + 8 * part - 1), _mm256_set1_epi32(1));
    equal[part] = _mm256_cmpeq_epi32(load(places + 8 * part), next);
  }
  const __m256i low = _mm256_packs_epi32(equal[0], equal[1]), high = _mm256_packs_epi32(equal[2], equal[3]);
  return _mm256_permutevar8x32_epi32(_mm256_packs_epi16(low, high), _mm256_set_epi32(7, 3, 6, 2, 5, 1, 4, 0));
}

int64_t append_changes(const Cells& cells, int64_t at, uint8_t thresholds, uint8_t& before,
                       const Changes& changes, int64_t count) {
  uint8_t levels[kWordCells + 1] = {before};
  const __m256i none = _mm256_set1_epi8(static_cast<char>(thresholds));
  uint64_t follows = 0, same = 0;
  for (int half = 0; half < 2; ++half) {
    const int64_t c = at + 32 * half;
    const __m256i larger = _mm256_max_epu8(load(cells.levels + c), load(cells.levels + c - 1));
    const __m256i follow = following(cells.places + c);
    follows |= uint64_t{static_cast<uint32_t>(_mm256_movemask_epi8(follow))} << (32 * half);
    store(levels + 1 + 32 * half, _mm256_blendv_epi8(none, larger, follow));
  }
  for (int half = 0; half < 2; ++half) {
    const __m256i equal = _mm256_cmpeq_epi8(load(levels + 1 + 32 * half), load(levels + 32 * half));
    same |= uint64_t{static_cast<uint32_t>(_mm256_movemask_epi8(equal))} << (32 * half);
  }
  const int64_t left = cells.count - at, valid = left < kWordCells ? left : kWordCells;
  for (uint64_t bits = ~same & (~uint64_t{0} >> (kWordCells - valid)); bits != 0; bits &= bits - 1) {
    const int64_t c = __builtin_ctzll(bits);
    changes.levels[count] = levels[c + 1];
    changes.places[count++] = follows >> c & 1 ? cells.places[at + c] : cells.places[at + c - 1] + 1;
  }
  before = levels[valid];
  return count;
}

void close_changes(const Changes& changes, int64_t count, uint8_t thresholds, LineDifferences& sums) {
  close_by_stack(changes, 0, count - 1, thresholds, sums);
}

}  // namespace
}  // namespace athanor::rqa

#include "src/rqa/walk_body.h"

namespace athanor::rqa {

const WalkKernel kWalkAvx2 = kernel_of("avx2");

}  // namespace athanor::rqa
#endif
