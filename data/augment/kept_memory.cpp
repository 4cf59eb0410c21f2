#include "data/augment/kept_memory.h"

#include <ATen/ops/from_blob.h>

#include <atomic>
#include <cstdlib>
#include <new>

namespace athanor {

at::Tensor KeptMemory::tensor(at::IntArrayRef shape, at::ScalarType type) {
  constexpr size_t kLine = 64, kMostBlocks = 2;
  size_t bytes = c10::elementSize(type);
  for (const int64_t size : shape) bytes *= static_cast<size_t>(size);
  // Too small ones make room, and when all are in use the oldest is left to those who hold it.
  std::erase_if(blocks_, [&](const Block& block) { return block.bytes < bytes; });
  size_t chosen = 0;
  while (chosen < blocks_.size() && blocks_[chosen].memory.use_count() > 1) ++chosen;
  if (chosen == blocks_.size()) {
    const size_t size = bytes / kLine * kLine + kLine;
    auto* memory = static_cast<std::byte*>(std::aligned_alloc(kLine, size));
    if (memory == nullptr) throw std::bad_alloc();
    if (blocks_.size() == kMostBlocks) blocks_.erase(blocks_.begin());
    blocks_.push_back({{memory, std::free}, size});
    chosen = blocks_.size() - 1;
  }
  std::atomic_thread_fence(std::memory_order_acquire);  // whoever let go of it has done with it
  const auto held = blocks_[chosen].memory;
  return at::from_blob(
      held.get(), shape, [held](void*) {}, at::dtype(type));
}

}  // namespace athanor
