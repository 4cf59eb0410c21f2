// Where the samples of a read go. Plain: the readers of files know nothing of tensors.
#pragma once

#include <cstdint>

namespace athanor {

// Where sample number j of a read goes, for one array. Batches start 64-byte aligned, so that kernels see the
// same alignment (and give the same bits) wherever a chunk was cut.
struct SlotArray {
  char* base = nullptr;
  int64_t slot_bytes = 0;       // one sample's bytes
  int64_t slots_per_group = 0;  // slots of one batch lie side by side; each batch starts 64-byte aligned
  int64_t group_stride_bytes = 0;
  char* slot(int64_t j) const {
    return base + (j / slots_per_group) * group_stride_bytes + (j % slots_per_group) * slot_bytes;
  }
};

}  // namespace athanor
