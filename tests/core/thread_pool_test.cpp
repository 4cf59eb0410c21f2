#include "src/core/thread_pool.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using athanor::ThreadPool;

CATCH_TEST_CASE("thread pool: every index is visited once, whatever the number of threads", "[unit]") {
  for (int threads : {0, 1, 2, 4}) {
    ThreadPool pool(threads);
    CATCH_CHECK(pool.threads() == threads);
    for (int64_t count : {0, 1, 2, 7, 1000}) {
      std::vector<std::atomic<int>> visits(static_cast<size_t>(count));
      pool.parallel_for(count, [&](int64_t i) { ++visits[static_cast<size_t>(i)]; });
      CATCH_CHECK(std::all_of(visits.begin(), visits.end(), [](const auto& seen) { return seen == 1; }));
    }
  }
}

CATCH_TEST_CASE("thread pool: jobs in quick succession neither lose nor repeat work", "[unit]") {
  ThreadPool pool(3);
  std::atomic<int64_t> sum = 0;
  for (int round = 0; round < 2000; ++round) pool.parallel_for(5, [&](int64_t i) { sum += i; });
  CATCH_CHECK(sum == 2000 * 10);
}

CATCH_TEST_CASE("thread pool: an exception reaches the caller and the pool works on", "[unit]") {
  for (int threads : {0, 3}) {
    ThreadPool pool(threads);
    const auto fail = [](int64_t i) {
      if (i == 5) throw std::runtime_error("five");
    };
    CATCH_CHECK_THROWS_WITH(pool.parallel_for(100, fail), "five");
    std::atomic<int> visits = 0;
    pool.parallel_for(10, [&](int64_t) { ++visits; });
    CATCH_CHECK(visits == 10);
  }
}

CATCH_TEST_CASE("thread pool: two callers take turns", "[unit]") {
  ThreadPool pool(2);
  std::atomic<int64_t> sum = 0;
  const auto work = [&] {
    for (int round = 0; round < 300; ++round) pool.parallel_for(4, [&](int64_t i) { sum += i; });
  };
  std::thread other(work);
  work();
  other.join();
  CATCH_CHECK(sum == 600 * 6);
}
