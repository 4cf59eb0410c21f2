#include "src/core/memory.h"

#include <malloc.h>

#include <climits>
#include <cstdlib>

namespace athanor {

void keep_freed_memory() {
#ifdef __GLIBC__
  constexpr int kGrowBy = 64 << 20;
  if (std::getenv("MALLOC_MMAP_MAX_") == nullptr) mallopt(M_MMAP_MAX, 0);  // all of it from the heap,
  if (std::getenv("MALLOC_TRIM_THRESHOLD_") == nullptr) mallopt(M_TRIM_THRESHOLD, INT_MAX);  // which stays
  if (std::getenv("MALLOC_TOP_PAD_") == nullptr) mallopt(M_TOP_PAD, kGrowBy);
#endif
  setenv("THP_MEM_ALLOC_ENABLE", "1", 0);
}

}  // namespace athanor
