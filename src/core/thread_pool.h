// A fixed set of threads and parallel_for over ranges; exceptions reach the caller. For reading and inflating
// data: tensor work uses LibTorch's own pool.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

namespace athanor {

class ThreadPool {
 public:
  // `threads` workers help the caller; 0 runs everything on the caller's thread.
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;
  int threads() const;
  // Calls body(i) for every i in [0,count), from the caller and the workers; returns when all are done. The
  // first exception is thrown again here.
  void parallel_for(int64_t count, const std::function<void(int64_t)>& body);

 private:
  struct Shared;
  std::unique_ptr<Shared> shared_;
};

}  // namespace athanor
