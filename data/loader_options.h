// How samples are ordered, cut into batches and chunks, and read. Fields of every dataset's config section.
// On a GPU the default is the seed document's: 75 % of its memory for chunks, which makes of
//   8 GB  6.0 GB (its batch size there: 64)      12 GB  9.0 GB (96)
//   16 GB 12.0 GB (128)                          24 GB  18.0 GB (192)
// shared by the two chunks in flight, or all of it for a split that fits and stays there. In RAM a chunk is
// 256 MiB (up to 1 GiB for compressed data, to hold a shuffle block): a larger one would only delay the first
// batch.
#pragma once

#include <cstdint>
#include <string>

#include "src/core/fields.h"

namespace athanor {

// Of LoaderOptions::threads: the second seed document's rule, min(cores / 2, 8).
constexpr int64_t kHalfTheCores = -1;

struct LoaderOptions {
  int64_t batch_size = 128;
  // shuffled: a new order each epoch, from (seed, epoch) alone. sequential: the data's order. streams: row i
  // of batch b+1 continues row i of batch b (sample i*(N/B)+b), for models that carry state from batch to
  // batch.
  std::string order = "shuffled";
  int64_t shuffle_block =
      4096;  // samples; blocks are shuffled, and samples inside a block. 0: one block of all
  bool drop_last = false;
  double chunk_gb = 0;              // GiB of one chunk; 0: from the device's memory
  double memory_fraction = 0.75;    // of the device's free memory, for all chunks in flight
  int64_t threads = 2;              // that read and inflate
  bool prefetch = true;             // read the next chunk while this one trains
  int64_t reading_threads() const;  // `threads` with its rule applied: at least 1
  void list_fields(Fields& fields);
};

}  // namespace athanor
