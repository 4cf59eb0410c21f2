#include "src/core/memory.h"

#include <malloc.h>
#include <sys/mman.h>

#include <climits>
#include <cstdlib>
#include <new>

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

LargeMemory large_memory(int64_t bytes) {
  constexpr size_t kPage = 4096, kHugePage = 2 << 20;
  const auto wanted = static_cast<size_t>(bytes);
  const size_t unit = wanted >= kHugePage ? kHugePage : kPage, size = (wanted + unit - 1) / unit * unit;
  LargeMemory memory(static_cast<uint8_t*>(std::aligned_alloc(unit, size)));
  if (memory == nullptr) throw std::bad_alloc();
  if (unit == kHugePage) madvise(memory.get(), size, MADV_HUGEPAGE);  // a wish: refused, all is as before
  return memory;
}

}  // namespace athanor
