// Which inputs go through a model together: those of like length, so that little of a batch is padding.
#pragma once

#include <cstdint>
#include <vector>

namespace athanor {

struct BatchLimits {
  int64_t tokens = 16384;  // rows times the longest of them
  int64_t rows = 1024;
};

// Indices into `lengths`, longest first; every batch has one at least.
std::vector<std::vector<int64_t>> batches_by_length(const std::vector<int64_t>& lengths,
                                                    const BatchLimits& limits);

}  // namespace athanor
