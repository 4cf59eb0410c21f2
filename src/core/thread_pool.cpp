#include "src/core/thread_pool.h"

#include <atomic>
#include <cassert>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace athanor {
namespace {

// One parallel_for. Workers join while it is current; the caller leaves only when all that joined are done.
struct Job {
  const std::function<void(int64_t)>* body;
  int64_t count;
  std::atomic<int64_t> next{0};
  std::atomic<bool> failed{false};
  std::exception_ptr error = nullptr;

  void work() {
    while (!failed.load(std::memory_order_relaxed)) {
      const int64_t i = next.fetch_add(1);
      if (i >= count) return;
      try {
        (*body)(i);
      } catch (...) {
        if (!failed.exchange(true)) error = std::current_exception();
      }
    }
  }
};

}  // namespace

struct ThreadPool::Shared {
  std::mutex mutex;
  std::condition_variable work_or_end, left;
  Job* job = nullptr;
  uint64_t jobs = 0;  // begun so far: tells a new job from the one a worker has just left
  int inside = 0;
  bool ending = false;
  std::mutex one_caller;
  std::vector<std::thread> workers;

  void run_worker() {
    std::unique_lock lock(mutex);
    uint64_t seen = 0;
    for (;;) {
      work_or_end.wait(lock, [&] { return ending || (job != nullptr && jobs != seen); });
      if (ending) return;
      Job* mine = job;
      seen = jobs;
      ++inside;
      lock.unlock();
      mine->work();
      lock.lock();
      if (--inside == 0) left.notify_all();
    }
  }
};

ThreadPool::ThreadPool(int threads) : shared_(std::make_unique<Shared>()) {
  for (int i = 0; i < threads; ++i)
    shared_->workers.emplace_back([shared = shared_.get()] { shared->run_worker(); });
}

ThreadPool::~ThreadPool() {
  {
    std::lock_guard lock(shared_->mutex);
    shared_->ending = true;
  }
  shared_->work_or_end.notify_all();
  for (std::thread& worker : shared_->workers) worker.join();
}

int ThreadPool::threads() const { return static_cast<int>(shared_->workers.size()); }

void ThreadPool::parallel_for(int64_t count, const std::function<void(int64_t)>& body) {
  if (count <= 0) return;
  if (count == 1 || shared_->workers.empty()) {
    for (int64_t i = 0; i < count; ++i) body(i);
    return;
  }
  std::lock_guard one_caller(shared_->one_caller);
  Job job{&body, count};
  {
    std::lock_guard lock(shared_->mutex);
    shared_->job = &job;
    ++shared_->jobs;
  }
  shared_->work_or_end.notify_all();
  job.work();
  {
    std::unique_lock lock(shared_->mutex);
    shared_->job = nullptr;
    shared_->left.wait(lock, [&] { return shared_->inside == 0; });
  }
  if (job.error) std::rethrow_exception(job.error);
}

}  // namespace athanor
