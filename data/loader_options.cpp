#include "data/loader_options.h"

#include <algorithm>
#include <thread>

namespace athanor {

void LoaderOptions::list_fields(Fields& fields) {
  fields.field("batch_size", batch_size, "samples a batch", kPositive);
  fields.field("order", order,
               "shuffled (anew each epoch), sequential, or streams (row i of a batch continues row i of the "
               "one before)",
               one_of({"shuffled", "sequential", "streams"}));
  fields.field(
      "shuffle_block", shuffle_block,
      "samples that are read near each other: blocks are shuffled, and samples inside; 0: one block of all",
      kNonNegative);
  fields.field("drop_last", drop_last, "leave out a last batch that is not full");
  fields.field("chunk_gb", chunk_gb,
               "GiB of one chunk in memory; 0: from the device's free memory (see memory_fraction)",
               kNonNegative);
  fields.field("memory_fraction", memory_fraction, "of the device's free memory, for all chunks in flight",
               Constraint{.minimum = 0, .exclusive_minimum = true, .maximum = 1});
  fields.field("threads", threads, "threads that read, inflate and decode; -1: half the cores, at most 8",
               between(-1, 256));
  fields.field("prefetch", prefetch, "read the next chunk while this one is in use");
}

int64_t LoaderOptions::reading_threads() const {
  if (threads != kHalfTheCores) return std::max<int64_t>(1, threads);
  return std::clamp<int64_t>(std::thread::hardware_concurrency() / 2, 1, 8);
}

}  // namespace athanor
