#include "data/sample_order.h"

#include <algorithm>
#include <cassert>
#include <numeric>

#include "src/core/random.h"

namespace athanor {
namespace {

constexpr uint64_t kBlockOrder = 0;  // b of mix_seed: 0 for the blocks, 1+block for the samples inside

std::vector<int64_t> shuffled(int64_t samples, int64_t block, uint64_t seed, int64_t epoch) {
  const auto round = static_cast<uint64_t>(epoch);
  const int64_t length = block == 0 ? samples : block;
  const int64_t blocks = length == 0 ? 0 : (samples + length - 1) / length;
  std::vector<int64_t> order;
  order.reserve(static_cast<size_t>(samples));
  for (const int64_t b : permutation(blocks, mix_seed(seed, round, kBlockOrder))) {
    const int64_t first = b * length;
    const uint64_t inside = mix_seed(seed, round, static_cast<uint64_t>(1 + b));
    for (const int64_t i : permutation(std::min(length, samples - first), inside)) order.push_back(first + i);
  }
  return order;
}

std::vector<int64_t> streams(int64_t samples, int64_t batch) {
  const int64_t length = samples / batch;
  std::vector<int64_t> order;
  order.reserve(static_cast<size_t>(length * batch));
  for (int64_t b = 0; b < length; ++b)
    for (int64_t i = 0; i < batch; ++i) order.push_back(i * length + b);
  return order;
}

}  // namespace

int64_t batch_count(int64_t samples, const LoaderOptions& options) {
  const bool whole_only = options.drop_last || options.order == "streams";
  return (samples + (whole_only ? 0 : options.batch_size - 1)) / options.batch_size;
}

std::vector<int64_t> sample_order(int64_t samples, const LoaderOptions& options, uint64_t seed,
                                  int64_t epoch) {
  std::vector<int64_t> order;
  if (options.order == "streams") {
    order = streams(samples, options.batch_size);
  } else if (options.order == "shuffled") {
    order = shuffled(samples, options.shuffle_block, seed, epoch);
  } else {
    assert(options.order == "sequential");
    order.resize(static_cast<size_t>(samples));
    std::iota(order.begin(), order.end(), 0);
  }
  const int64_t kept = std::min(samples, batch_count(samples, options) * options.batch_size);
  order.resize(static_cast<size_t>(kept));
  return order;
}

}  // namespace athanor
