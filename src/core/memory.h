// The program's memory: what a batch frees, the next one gets.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <memory>

namespace athanor {

// Tells the C library to keep what is freed, and LibTorch to ask for large tensors in huge pages. As it
// comes, large blocks go back to the system and come again page by page, each zeroed first, which costs a
// training step of images a sixth of its time (`athanor bench train --case faces`, against the same with
// MALLOC_MMAP_MAX_ and THP_MEM_ALLOC_ENABLE unset in a program that does not call this). What the environment
// says of either stands. For a program's first line: LibTorch reads its part once.
void keep_freed_memory();

struct FreeMemory {
  void operator()(uint8_t* bytes) const { std::free(bytes); }
};
using LargeMemory = std::unique_ptr<uint8_t, FreeMemory>;
// At least this many bytes, not initialised, aligned to 4 KiB; from 2 MiB on in huge pages where the system
// has them, so that streaming through it does not wait for page tables. Throws std::bad_alloc.
LargeMemory large_memory(int64_t bytes);

}  // namespace athanor
