// The walk's loops for AVX-512 (F, BW, DQ, VL, VBMI, VBMI2): 16 differences, 32 distances, 64 levels at once.
#include "src/rqa/walk_kernel.h"

#if defined(__x86_64__)
// g++ 12 takes its own _mm512_undefined_ps() for a mistake (GCC bug 105593).
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#include <immintrin.h>

#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,avx512vbmi2,avx2,fma,popcnt,bmi,bmi2")

#include "src/rqa/line_stack.h"

namespace athanor::rqa {
namespace {

struct Word {
  __m512i low, high;

  static Word load(const uint16_t* from) { return {_mm512_loadu_si512(from), _mm512_loadu_si512(from + 32)}; }
  void store(uint16_t* to) const {
    _mm512_storeu_si512(to, low);
    _mm512_storeu_si512(to + 32, high);
  }
  template <Norm kNorm>
  Word combine(const Word& more) const {
    if (kNorm == Norm::kLinf) return {_mm512_max_epu16(low, more.low), _mm512_max_epu16(high, more.high)};
    return {_mm512_adds_epu16(low, more.low), _mm512_adds_epu16(high, more.high)};
  }
  uint64_t below(uint16_t limit) const {
    const __m512i limits = _mm512_set1_epi16(static_cast<short>(limit));
    return uint64_t{_mm512_cmplt_epu16_mask(low, limits)} | uint64_t{_mm512_cmplt_epu16_mask(high, limits)}
                                                                << 32;
  }
};

template <Norm kNorm>
__m512 add_term(__m512 sum, __m512 difference) {
  if (kNorm == Norm::kL2) return _mm512_fmadd_ps(difference, difference, sum);
  const __m512 size = _mm512_abs_ps(difference);
  return kNorm == Norm::kLinf ? _mm512_max_ps(sum, size) : _mm512_add_ps(sum, size);
}

template <Norm kNorm, bool kColumn>
[[gnu::always_inline]] inline Word terms(const Coordinates& x, int64_t i, int64_t j) {
  __m512 sums[4];
  for (__m512& sum : sums) sum = _mm512_setzero_ps();
  for (int64_t k = 0; k < x.count; ++k) {
    const float *a = x.values[k] + i, *b = x.values[k] + j;
    for (int64_t part = 0; part < 4; ++part) {
      const __m512 other = kColumn ? _mm512_set1_ps(*b) : _mm512_loadu_ps(b + 16 * part);
      sums[part] = add_term<kNorm>(sums[part], _mm512_sub_ps(_mm512_loadu_ps(a + 16 * part), other));
    }
  }
  __m256i cells[4];
  for (int64_t part = 0; part < 4; ++part)
    cells[part] =
        _mm512_cvtusepi32_epi16(_mm512_cvtps_epi32(_mm512_min_ps(sums[part], _mm512_set1_ps(kFar))));
  return {_mm512_inserti64x4(_mm512_castsi256_si512(cells[0]), cells[1], 1),
          _mm512_inserti64x4(_mm512_castsi256_si512(cells[2]), cells[3], 1)};
}

__m512i bytes(int value) { return _mm512_set1_epi8(static_cast<char>(value)); }

// 0 to 63.
__m512i lanes() {
  return _mm512_set_epi8(63, 62, 61, 60, 59, 58, 57, 56, 55, 54, 53, 52, 51, 50, 49, 48, 47, 46, 45, 44, 43,
                         42, 41, 40, 39, 38, 37, 36, 35, 34, 33, 32, 31, 30, 29, 28, 27, 26, 25, 24, 23, 22,
                         21, 20, 19, 18, 17, 16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
}

// Of 64 whole numbers, those that `bits` names, one after the other; what is written beyond them is of no
// use.
uint32_t* compress(uint64_t bits, const __m512i* from, uint32_t* to) {
  for (int part = 0; part < 4; ++part) {
    const auto mask = static_cast<__mmask16>(bits >> (16 * part));
    _mm512_storeu_si512(to, _mm512_maskz_compress_epi32(mask, from[part]));
    to += __builtin_popcount(mask);
  }
  return to;
}

void append_cells(const LineBlock& block, int64_t n, Cells& cells) {
  const uint64_t bits = block.cells[n];
  const uint32_t word = block.alive[n];
  __m512i places[4];
  for (int part = 0; part < 4; ++part)
    places[part] = _mm512_add_epi32(_mm512_set1_epi32(static_cast<int>(word * kWordCells + 16 * part)),
                                    _mm512_cvtepu8_epi32(_mm512_castsi512_si128(lanes())));
  compress(bits, places, cells.places + cells.count);
  const auto low = static_cast<__mmask32>(bits), high = static_cast<__mmask32>(bits >> 32);
  const Word distances = Word::load(block.distances + word * kWordCells);
  uint16_t* to = cells.distances + cells.count;
  _mm512_storeu_si512(to, _mm512_maskz_compress_epi16(low, distances.low));
  _mm512_storeu_si512(to + __builtin_popcount(low), _mm512_maskz_compress_epi16(high, distances.high));
  cells.count += __builtin_popcountll(bits);
}

void look_up_levels(const uint8_t* table, Cells& cells) {
  for (int64_t c = 0; c < cells.count; c += 16) {
    const int64_t left = cells.count - c;
    const auto valid = static_cast<__mmask16>(left < 16 ? (1U << left) - 1 : 0xffff);
    const __m256i distances = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(cells.distances + c));
    const __m512i entries = _mm512_srli_epi32(_mm512_cvtepu16_epi32(distances), Screen::kTableShift);
    const __m128i levels =
        _mm512_cvtepi32_epi8(_mm512_mask_i32gather_epi32(_mm512_setzero_si512(), valid, entries, table, 1));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(cells.levels + c), levels);
    uint32_t unsure = _mm_mask_cmpeq_epi8_mask(valid, levels, _mm_set1_epi8(static_cast<char>(kUnsure)));
    for (; unsure != 0; unsure &= unsure - 1)
      cells.unsure[cells.unsure_count++] = static_cast<uint32_t>(c + __builtin_ctz(unsure));
  }
}

int64_t append_changes(const Cells& cells, int64_t at, uint8_t thresholds, uint8_t& before,
                       const Changes& changes, int64_t count) {
  const uint8_t* own = cells.levels + at;
  const __m512i larger = _mm512_max_epu8(_mm512_loadu_si512(own), _mm512_loadu_si512(own - 1));
  uint64_t follows = 0;
  __m512i ends[4];  // where the line ends if a cell does not follow: if it does, its own place
  for (int part = 0; part < 4; ++part) {
    const uint32_t* places = cells.places + at + 16 * part;
    ends[part] = _mm512_add_epi32(_mm512_loadu_si512(places - 1), _mm512_set1_epi32(1));
    follows |= uint64_t{_mm512_cmpeq_epi32_mask(_mm512_loadu_si512(places), ends[part])} << (16 * part);
  }
  const __m512i levels = _mm512_mask_blend_epi8(follows, bytes(thresholds), larger);
  // One cell back: the last of each lane of 16 bytes comes from the lane before.
  const __m512i back = _mm512_alignr_epi8(levels, _mm512_alignr_epi64(levels, bytes(before), 6), 15);
  const int64_t left = cells.count - at, valid = left < kWordCells ? left : kWordCells;
  const uint64_t changed = _mm512_cmpneq_epi8_mask(levels, back) & (~uint64_t{0} >> (kWordCells - valid));
  _mm512_storeu_si512(changes.levels + count, _mm512_maskz_compress_epi8(changed, levels));
  compress(changed, ends, changes.places + count);
  const __m512i last = _mm512_permutexvar_epi8(bytes(static_cast<int>(valid) - 1), levels);
  before = static_cast<uint8_t>(_mm512_cvtsi512_si32(last));
  return count + __builtin_popcountll(changed);
}

// For each of 64 levels, its line: from where no level before it is larger, to the next that is as large.
struct Reach {
  __m512i first, past;
};
Reach reach_of(__m512i levels) {
  __m512i largest[6] = {levels};  // of 1, 2, 4, .. 32 levels from each on
  for (int power = 0; power < 5; ++power) {
    const int width = 1 << power;
    const __m512i later = _mm512_mask_permutexvar_epi8(
        bytes(0xff), ~uint64_t{0} >> width, _mm512_add_epi8(lanes(), bytes(width)), largest[power]);
    largest[power + 1] = _mm512_max_epu8(largest[power], later);
  }
  Reach reach{lanes(), _mm512_add_epi8(lanes(), bytes(1))};
  for (int power = 5; power >= 0; --power) {
    const __m512i width = bytes(1 << power);
    const __m512i after = _mm512_permutexvar_epi8(reach.past, largest[power]);
    reach.past = _mm512_mask_add_epi8(reach.past, _mm512_cmplt_epu8_mask(after, levels), reach.past, width);
    const __m512i start = _mm512_sub_epi8(reach.first, width);
    const __m512i before = _mm512_permutexvar_epi8(start, largest[power]);
    const uint64_t room = _mm512_cmpge_epu8_mask(reach.first, width);
    reach.first = _mm512_mask_mov_epi8(reach.first, _mm512_mask_cmple_epu8_mask(room, before, levels), start);
  }
  return reach;
}

// Lines that were found among 64 changes: `count` of them, in bytes.
struct Found {
  __m512i first, past;  // which changes
  __m512i from, to;     // thresholds
  __m512i places[2];    // of the changes, in 16 bits
  int64_t count;
};

// Adds their lines; the longest so far in each lane of `longest`.
void add_lines(const Found& found, LineDifferences& sums, __m512i& longest) {
  alignas(64) int32_t rows[2][kWordCells];
  const __m512i stride = _mm512_set1_epi32(static_cast<int>(sums.stride));
  for (int64_t n = 0; n < found.count; n += 32) {
    const bool high = n > 0;
    const auto half = [&](__m512i from) {
      return _mm512_cvtepu8_epi16(high ? _mm512_extracti64x4_epi64(from, 1) : _mm512_castsi512_si256(from));
    };
    const auto place = [&](__m512i at) {
      return _mm512_permutex2var_epi16(found.places[0], half(at), found.places[1]);
    };
    const int64_t left = found.count - n;
    const auto valid = static_cast<__mmask32>(left < 32 ? (uint32_t{1} << left) - 1 : ~uint32_t{0});
    const __m512i lengths = _mm512_maskz_add_epi16(
        valid, _mm512_sub_epi16(place(found.past), place(found.first)), _mm512_set1_epi16(1));
    longest = _mm512_max_epu16(longest, lengths);
    const __m512i from = half(found.from), to = half(found.to);
    for (int part = 0; part < 2; ++part) {
      const auto wide = [&](__m512i all) {
        return _mm512_cvtepu16_epi32(part ? _mm512_extracti64x4_epi64(all, 1) : _mm512_castsi512_si256(all));
      };
      const __m512i row = _mm512_mullo_epi32(wide(lengths), stride);
      _mm512_store_si512(rows[0] + n + 16 * part, _mm512_add_epi32(row, wide(from)));
      _mm512_store_si512(rows[1] + n + 16 * part, _mm512_add_epi32(row, wide(to)));
    }
  }
  for (int64_t n = 0; n < found.count; ++n) {
    ++sums.differences[rows[0][n]];
    --sums.differences[rows[1][n]];
  }
}

// Lines between the first of 64 changes, where there is none, and the last such one among them; returns how
// far it has come. 0: there is none but the first, or it is too far for 16 bits.
int64_t close_word(const Changes& changes, int64_t left, uint8_t thresholds, LineDifferences& sums,
                   __m512i& longest) {
  const uint64_t valid = ~uint64_t{0} >> (left < kWordCells ? kWordCells - left : 0);
  const __m512i levels = _mm512_mask_loadu_epi8(bytes(thresholds), valid, changes.levels);
  const uint64_t apart = _mm512_mask_cmpeq_epi8_mask(valid, levels, bytes(thresholds));
  const int64_t last = 63 - __builtin_clzll(apart);
  if (last == 0 || changes.places[last] - changes.places[1] >= 0xffff) return 0;
  Found found;
  __m256i places[4];
  for (int part = 0; part < 4; ++part)
    places[part] =
        _mm512_cvtepi32_epi16(_mm512_sub_epi32(_mm512_loadu_si512(changes.places + 16 * part),
                                               _mm512_set1_epi32(static_cast<int>(changes.places[1]))));
  for (int half = 0; half < 2; ++half)
    found.places[half] =
        _mm512_inserti64x4(_mm512_castsi256_si512(places[2 * half]), places[2 * half + 1], 1);
  const Reach reach = reach_of(levels);
  const __m512i before = _mm512_permutexvar_epi8(_mm512_sub_epi8(reach.first, bytes(1)), levels);
  const __m512i to = _mm512_min_epu8(before, _mm512_permutexvar_epi8(reach.past, levels));
  const uint64_t lines = _mm512_cmplt_epu8_mask(levels, to) & ((uint64_t{1} << last) - 1);
  found.first = _mm512_maskz_compress_epi8(lines, reach.first);
  found.past = _mm512_maskz_compress_epi8(lines, reach.past);
  found.from = _mm512_maskz_compress_epi8(lines, levels);
  found.to = _mm512_maskz_compress_epi8(lines, to);
  found.count = __builtin_popcountll(lines);
  add_lines(found, sums, longest);
  return last;
}

// A run that 64 changes do not end goes by the stack.
void close_changes(const Changes& changes, int64_t count, uint8_t thresholds, LineDifferences& sums) {
  __m512i longest = _mm512_setzero_si512();
  for (int64_t at = 0; at < count - 1;) {
    const Changes rest{changes.levels + at, changes.places + at};
    int64_t done = close_word(rest, count - at, thresholds, sums, longest);
    if (done == 0) {
      for (done = 1; rest.levels[done] != thresholds;) ++done;
      close_by_stack(rest, 0, done, thresholds, sums);
    }
    at += done;
  }
  alignas(64) uint16_t lengths[32];
  _mm512_store_si512(lengths, longest);
  for (const uint16_t length : lengths) sums.longest = sums.longest < length ? length : sums.longest;
}

}  // namespace
}  // namespace athanor::rqa

#include "src/rqa/walk_body.h"

namespace athanor::rqa {

const WalkKernel kWalkAvx512 = kernel_of("avx512");

}  // namespace athanor::rqa
#endif
