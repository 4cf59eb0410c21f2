// The loops over rows for any CPU.
#include "src/rqa/rows_kernel.h"

namespace athanor::rqa {
namespace {

struct Sums {
  float cells[kWordCells];

  template <Norm kNorm>
  void add(const float* from, float to) {
    for (int64_t c = 0; c < kWordCells; ++c) {
      const float difference = from[c] - to, size = difference < 0 ? -difference : difference;
      if (kNorm == Norm::kLinf)
        cells[c] = cells[c] > size ? cells[c] : size;
      else
        cells[c] += kNorm == Norm::kL2 ? size * size : size;
    }
  }
  uint64_t below(float bound) const {
    uint64_t bits = 0;
    for (int64_t c = 0; c < kWordCells; ++c) bits |= uint64_t{cells[c] < bound} << c;
    return bits;
  }
};

}  // namespace
}  // namespace athanor::rqa

#include "src/rqa/rows_body.h"

namespace athanor::rqa {

const RowKernel kRowsPlain = row_kernel_of("plain");

}  // namespace athanor::rqa
