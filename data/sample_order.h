// The order of an epoch's samples, from (seed, epoch) alone: threads, chunks and devices have no part in it.
#pragma once

#include <cstdint>
#include <vector>

#include "data/loader_options.h"

namespace athanor {

// Batches of an epoch over `samples` samples.
int64_t batch_count(int64_t samples, const LoaderOptions& options);

// The epoch's samples, batch after batch; options.batch_size a batch, fewer in the last one where it is kept.
std::vector<int64_t> sample_order(int64_t samples, const LoaderOptions& options, uint64_t seed,
                                  int64_t epoch);

}  // namespace athanor
