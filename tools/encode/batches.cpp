#include "tools/encode/batches.h"

#include <algorithm>
#include <numeric>

namespace athanor {

std::vector<std::vector<int64_t>> batches_by_length(const std::vector<int64_t>& lengths,
                                                    const BatchLimits& limits) {
  std::vector<int64_t> order(lengths.size());
  std::iota(order.begin(), order.end(), int64_t{0});
  const auto length = [&](int64_t i) { return lengths[static_cast<size_t>(i)]; };
  std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) { return length(a) > length(b); });
  std::vector<std::vector<int64_t>> batches;
  for (const int64_t i : order) {
    const bool fits =
        !batches.empty() && static_cast<int64_t>(batches.back().size()) < limits.rows &&
        static_cast<int64_t>(batches.back().size() + 1) * length(batches.back().front()) <= limits.tokens;
    if (!fits) batches.emplace_back();
    batches.back().push_back(i);
  }
  return batches;
}

}  // namespace athanor
