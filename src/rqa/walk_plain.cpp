// The walk's loops for any CPU.
#include "src/rqa/line_stack.h"
#include "src/rqa/walk_cells.h"

namespace athanor::rqa {
namespace {

struct Word {
  uint16_t cells[kWordCells];

  static Word load(const uint16_t* from) {
    Word word;
    __builtin_memcpy(word.cells, from, sizeof word.cells);
    return word;
  }
  void store(uint16_t* to) const { __builtin_memcpy(to, cells, sizeof cells); }
  template <Norm kNorm>
  Word combine(const Word& more) const {
    Word word;
    for (int64_t c = 0; c < kWordCells; ++c) {
      const uint32_t sum = kNorm == Norm::kLinf ? (cells[c] > more.cells[c] ? cells[c] : more.cells[c])
                                                : uint32_t{cells[c]} + more.cells[c];
      word.cells[c] = static_cast<uint16_t>(sum < kFar ? sum : kFar);
    }
    return word;
  }
  uint64_t below(uint16_t limit) const {
    uint64_t bits = 0;
    for (int64_t c = 0; c < kWordCells; ++c) bits |= uint64_t{cells[c] < limit} << c;
    return bits;
  }
};

template <Norm kNorm, bool kColumn>
Word terms(const Coordinates& x, int64_t i, int64_t j) {
  float sums[kWordCells] = {};
  for (int64_t k = 0; k < x.count; ++k) {
    const float *a = x.values[k] + i, *b = x.values[k] + j;
    for (int64_t c = 0; c < kWordCells; ++c) {
      const float difference = a[c] - b[kColumn ? 0 : c], size = difference < 0 ? -difference : difference;
      if (kNorm == Norm::kLinf)
        sums[c] = sums[c] > size ? sums[c] : size;
      else
        sums[c] += kNorm == Norm::kL2 ? size * size : size;
    }
  }
  Word word;
  constexpr float kHalf = 0.5F, kLimit = kFar;
  for (int64_t c = 0; c < kWordCells; ++c)
    word.cells[c] =
        static_cast<uint16_t>(sums[c] < kLimit - 1 ? static_cast<int32_t>(sums[c] + kHalf) : kFar);
  return word;
}

void close_changes(const Changes& changes, int64_t count, uint8_t thresholds, LineDifferences& sums) {
  close_by_stack(changes, 0, count - 1, thresholds, sums);
}

int64_t append_changes(const Cells& cells, int64_t at, uint8_t thresholds, uint8_t& before,
                       const Changes& changes, int64_t count) {
  const int64_t past = at + kWordCells < cells.count ? at + kWordCells : cells.count;
  for (int64_t c = at; c < past; ++c) {
    const bool follows = c > 0 && cells.places[c] == cells.places[c - 1] + 1;
    const uint8_t own = cells.levels[c], last = cells.levels[c - 1];
    const uint8_t level = !follows ? thresholds : own > last ? own : last;
    changes.levels[count] = level;
    changes.places[count] = follows || c == 0 ? cells.places[c] : cells.places[c - 1] + 1;
    count += level != before;
    before = level;
  }
  return count;
}

}  // namespace
}  // namespace athanor::rqa

#include "src/rqa/walk_body.h"

namespace athanor::rqa {

const WalkKernel kWalkPlain = kernel_of("plain");

}  // namespace athanor::rqa
