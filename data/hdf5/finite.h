// Copying large rows and looking for NaN and infinity, in one pass over memory.
#pragma once

#include <cstdint>

namespace athanor {

// Whether every one of `count` float32 at `values` (any alignment) is finite.
bool all_finite(const char* values, int64_t count);

// Copies `bytes` (a multiple of 4) past the caches, for a target that is not read soon; returns whether what
// was copied, seen as float32, is finite.
bool copy_and_check(const char* from, char* to, int64_t bytes);

}  // namespace athanor
