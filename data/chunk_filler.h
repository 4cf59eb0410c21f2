// Reads the samples of a chunk into the block that the batches are views of: straight into RAM, or for a GPU
// through two pinned blocks and a side stream, so that reading, copying and training overlap.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Event.h>

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "data/chunk_layout.h"
#include "data/dataset.h"
#include "src/core/thread_pool.h"

namespace athanor {

// A block of batches on the device.
struct Chunk {
  at::Tensor block;                    // [bytes] u8 on the device; undefined until its first use
  std::vector<at::Tensor> typed;       // the block by array
  at::Tensor time;                     // [batches*batch_samples] i64 on the CPU, or undefined
  std::optional<c10::Event> copied;    // the block is whole once this has passed (GPU)
  std::optional<c10::Event> released;  // the last use of its batches (GPU)
};

class ChunkFiller {
 public:
  virtual ~ChunkFiller() = default;
  // Fills `chunk` with `samples`, batch by batch. Blocks until they are read, not until they are copied.
  // Throws what the source throws.
  virtual void fill(Chunk& chunk, std::span<const int64_t> samples) = 0;
  // Makes the calling thread's stream wait for the copy / records its last use; nothing on a CPU.
  virtual void acquire(Chunk& chunk) = 0;
  virtual void release(Chunk& chunk) = 0;
};

// What a filler reads: the arrays of `layout`, then "time" where the source has it.
struct ChunkSource {
  const SampleSource& samples;
  const ChunkLayout& layout;
  int64_t batch_samples;
  bool has_time;
  ThreadPool& pool;
};

std::unique_ptr<ChunkFiller> make_host_filler(const ChunkSource& source);
// Pinned blocks hold `stage_batches` batches each.
std::unique_ptr<ChunkFiller> make_device_filler(const ChunkSource& source,
                                                const std::vector<TensorSpec>& arrays, int64_t alignment,
                                                int64_t stage_batches, at::Device device);

}  // namespace athanor
