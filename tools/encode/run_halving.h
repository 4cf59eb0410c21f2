// A batch for which memory does not suffice runs as its halves, and later ones are smaller from the start.
#pragma once

#include <c10/util/Exception.h>

#include <new>
#include <vector>

#include "src/core/log.h"
#include "src/core/text.h"

namespace athanor {

// Whether `run` had the memory that it wanted.
template <class Run>
bool had_memory(const Run& run) {
  try {
    run();
    return true;
  } catch (const c10::OutOfMemoryError&) {
    return false;
  } catch (const std::bad_alloc&) {
    return false;
  }
}

// run(batch); where it runs out of memory, after halve(), its halves one after the other. Throws what run()
// throws of a batch of one.
template <class Run, class Halve>
void run_halving(const std::vector<int64_t>& batch, const Run& run, const Halve& halve) {
  if (batch.size() == 1) return run(batch);
  if (had_memory([&] { run(batch); })) return;
  log_warning(text("out of memory with ", batch.size(), " inputs at a time: half as many from now on"));
  halve();
  const auto middle = batch.begin() + static_cast<int64_t>(batch.size() / 2);
  run_halving({batch.begin(), middle}, run, halve);
  run_halving({middle, batch.end()}, run, halve);
}

}  // namespace athanor
