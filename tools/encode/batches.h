// Which inputs go through a model together: those of like length, so that little of a batch is padding.
#pragma once

#include <cstdint>
#include <vector>

#include "models/encoders/encoder.h"

namespace athanor {

struct BatchLimits {
  int64_t tokens = 16384;  // rows times the longest of them
  int64_t rows = 1024;
};

// Where encode starts. Of a CPU: what stays in its caches.
BatchLimits cpu_limits(InputKind input);
// Of a GPU with so much free memory: the founding document's table (large: its ColVBERT, else its
// ColModernVBERT), where a batch of texts is one of 512 tokens each; beyond its 16 GB, in proportion.
BatchLimits gpu_limits(InputKind input, bool is_large, int64_t free_bytes);
// Half of a batch that was too large, where that is less. Whether it is.
bool halve_limits(int64_t rows, int64_t tokens, BatchLimits& limits);
constexpr int64_t kLargeWidth = 1024;  // of a text tower

// Indices into `lengths`, longest first; every batch has one at least. Beyond a few tokens, none is shorter
// than three quarters of the longest of its batch.
std::vector<std::vector<int64_t>> batches_by_length(const std::vector<int64_t>& lengths,
                                                    const BatchLimits& limits);

}  // namespace athanor
