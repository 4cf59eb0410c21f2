// A batch for which memory does not suffice runs as its halves, and later ones are smaller from the start.
#pragma once

#include <c10/util/Exception.h>

#include <new>
#include <string_view>
#include <vector>

namespace athanor {

// Whether `run` had the memory that it wanted.
template <class Run>
bool had_memory(const Run& run) {
  try {
    run();
    return true;
  } catch (const c10::OutOfMemoryError&) {
    return false;
  } catch (const c10::Error& error) {  // that of memory on a CPU has no type of its own
    if (std::string_view(error.what_without_backtrace()).find("DefaultCPUAllocator") ==
        std::string_view::npos)
      throw;
    return false;
  } catch (const std::bad_alloc&) {
    return false;
  }
}

// run(batch); where it runs out of memory, after too_many(batch), its halves one after the other. A batch of
// one that does not fit runs again after fall_back(). Throws what run() throws then.
template <class Run, class TooMany, class FallBack>
void run_halving(const std::vector<int64_t>& batch, const Run& run, const TooMany& too_many,
                 const FallBack& fall_back) {
  if (had_memory([&] { run(batch); })) return;
  if (batch.size() == 1) {
    fall_back();
    return run(batch);
  }
  too_many(batch);
  const auto middle = batch.begin() + static_cast<int64_t>(batch.size() / 2);
  run_halving({batch.begin(), middle}, run, too_many, fall_back);
  run_halving({middle, batch.end()}, run, too_many, fall_back);
}

}  // namespace athanor
