// Where the batches of a chunk lie in one block of bytes: array by array, batch by batch, each batch aligned.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "data/slot_array.h"
#include "src/core/batch.h"

namespace athanor {

constexpr int64_t kBatchAlignment = 64;

class ChunkLayout {
 public:
  // `batches` batches of `batch_samples` samples. An alignment of 1 lets batches follow each other without
  // gaps.
  ChunkLayout(const std::vector<TensorSpec>& arrays, int64_t batch_samples, int64_t batches,
              int64_t alignment = kBatchAlignment);

  int64_t bytes() const { return bytes_; }
  int64_t batches() const { return batches_; }
  size_t arrays() const { return arrays_.size(); }
  // Slots of all samples in the block that begins at `base`.
  std::vector<SlotArray> slots(char* base) const;
  // Bytes of batches [first, first+count) of one array, as {offset in the block, length}.
  std::pair<int64_t, int64_t> batch_range(size_t array, int64_t first, int64_t count) const;
  // The block [bytes] u8 as seen by each array's type; shares its storage.
  std::vector<at::Tensor> typed(const at::Tensor& block) const;
  // Samples [0,samples) of a batch: [samples,…], a view of typed(block)[array].
  at::Tensor view(const std::vector<at::Tensor>& typed, size_t array, int64_t batch, int64_t samples) const;

 private:
  struct Array {
    TensorSpec spec;
    std::vector<int64_t> strides;  // of a batch, in elements
    int64_t element_bytes;
    int64_t sample_bytes;
    int64_t batch_stride_bytes;
    int64_t offset;
  };
  std::vector<Array> arrays_;
  int64_t batch_samples_;
  int64_t batches_;
  int64_t bytes_ = 0;
};

int64_t sample_bytes(const TensorSpec& spec);

// [bytes] u8 in RAM, 64-byte aligned, on huge pages where the system grants them: the first touch of a large
// block is several times faster.
at::Tensor host_block(int64_t bytes);

}  // namespace athanor
