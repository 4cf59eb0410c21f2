#include "tools/encode/batches.h"

#include <algorithm>
#include <numeric>

namespace athanor {
namespace {

constexpr int64_t kTokensOnCpu = 1024, kImagesOnCpu = 8;
constexpr int64_t kFewTokens = 256;      // which a batch takes whatever their lengths
constexpr int64_t kTokensOfTable = 512;  // of a text there
constexpr double kGigabyte = 1e9;

// Inputs at a time by free memory: texts, images, pairs.
struct TableRow {
  double from_gb;
  int64_t large[3], small[3];
};
constexpr TableRow kTable[] = {{15, {32, 16, 16}, {64, 32, 32}},  // a card of 16 GB has 15 or a little more
                               {7, {16, 8, 8}, {32, 16, 16}},
                               {0, {8, 4, 4}, {16, 8, 8}}};

}  // namespace

BatchLimits cpu_limits(InputKind input) {
  BatchLimits limits{.tokens = kTokensOnCpu};
  if (input != InputKind::kTexts) limits.rows = kImagesOnCpu;
  return limits;
}

BatchLimits gpu_limits(InputKind input, bool is_large, int64_t free_bytes) {
  const double free_gb = static_cast<double>(free_bytes) / kGigabyte;
  const TableRow* row = kTable;
  while (free_gb < row->from_gb) ++row;
  const int64_t more = std::max<int64_t>(1, static_cast<int64_t>(free_gb / kTable[0].from_gb));
  const int64_t rows = more * (is_large ? row->large : row->small)[static_cast<size_t>(input)];
  BatchLimits limits{.tokens = rows * kTokensOfTable};
  if (input != InputKind::kTexts) limits.rows = rows;
  return limits;
}

bool halve_limits(int64_t rows, int64_t tokens, BatchLimits& limits) {
  const BatchLimits before = limits;
  limits.rows = std::min(limits.rows, std::max<int64_t>(1, rows / 2));
  limits.tokens = std::min(limits.tokens, std::max<int64_t>(1, tokens / 2));
  return limits.rows < before.rows || limits.tokens < before.tokens;
}

std::vector<std::vector<int64_t>> batches_by_length(const std::vector<int64_t>& lengths,
                                                    const BatchLimits& limits) {
  std::vector<int64_t> order(lengths.size());
  std::iota(order.begin(), order.end(), int64_t{0});
  const auto length = [&](int64_t i) { return lengths[static_cast<size_t>(i)]; };
  std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) { return length(a) > length(b); });
  std::vector<std::vector<int64_t>> batches;
  for (const int64_t i : order) {
    bool fits = !batches.empty();
    if (fits) {
      const auto rows = static_cast<int64_t>(batches.back().size());
      const int64_t longest = length(batches.back().front());
      const bool is_alike = 4 * length(i) >= 3 * longest || rows * longest < kFewTokens;
      fits = is_alike && rows < limits.rows && (rows + 1) * longest <= limits.tokens;
    }
    if (!fits) batches.emplace_back();
    batches.back().push_back(i);
  }
  return batches;
}

}  // namespace athanor
