// ChunkDataLoader: samples in an order that depends on (seed, epoch) alone, read chunk by chunk by a
// background thread, moved to the device, and handed out as batches that are views of the chunk. Seed
// document: "ChunkDataLoader" (75 % of the device's memory); here the two chunks in flight share that budget.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "data/dataset.h"
#include "data/loader_options.h"
#include "src/core/batch.h"

namespace athanor {

class ChunkDataLoader {
 public:
  // Keeps `source`. Throws usage Error where a batch does not fit in a chunk.
  ChunkDataLoader(std::unique_ptr<SampleSource> source, const DataSpec& spec, const LoaderOptions& options,
                  uint64_t seed, at::Device device);
  ~ChunkDataLoader();

  // Begins `epoch` at batch `first_batch` (0 for the start); nothing before it is read.
  void start_epoch(int64_t epoch, int64_t first_batch = 0);
  // The next batch, or nothing at the epoch's end. Its tensors are views of the chunk, valid until the next
  // call.
  std::optional<Batch> next();

  int64_t samples() const;
  int64_t batches_per_epoch() const;
  int64_t chunk_bytes() const;
  int64_t chunk_batches() const;
  // Seconds that next() has waited for the reader so far.
  double waited_s() const;
  std::string describe() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace athanor
