// Counting lines on an NVIDIA GPU (line_walk.h), through libathanor_cuda.so: the same numbers as walk.h's,
// exactly. What goes wrong there is said once, and the CPU goes on. Left out: the cross-recurrence of two
// series.
#pragma once

#include <atomic>
#include <functional>
#include <string>

#include "src/rqa/cuda/line_walk.h"
#include "src/rqa/walk.h"

namespace athanor::rqa {

// What the library offers; returns null, or what went wrong. Any thread, several at a time.
struct CudaLinesLibrary {
  const char* (*count_lines)(const LineCall& call, bool& out_of_memory);
};

// Null, and why, where find_cuda_functions() (src/ops/cuda/cuda_library.h) finds none.
const CudaLinesLibrary* find_cuda_lines(std::string& why_not);

class GpuLines {
 public:
  static constexpr int64_t kBatchBytes = int64_t{64} << 20;
  using FellBack = std::function<void(const std::string& why)>;

  // `fell_back` is called once at most, from whichever thread it happens in. Matrices are counted together
  // as far as their counts take batch_bytes, or one at a time; half as many when the GPU has no memory for
  // so many.
  GpuLines(const CudaLinesLibrary& library, FellBack fell_back, int64_t batch_bytes = kBatchBytes)
      : library_(library), fell_back_(std::move(fell_back)), batch_bytes_(batch_bytes) {}

  // As count_lines(). False where the GPU cannot, or could not before: then all is to be counted on the CPU,
  // also what has been visited. Any thread.
  bool count(const Series& series, const std::vector<int64_t>& m, const std::vector<int64_t>& tau,
             const std::vector<double>& bounds, const Definitions& definitions, const Wanted& wanted,
             const VisitCounts& visit);

 private:
  enum class Outcome { kDone, kTooMany, kFailed };
  Outcome run(const LineCall& call);

  const CudaLinesLibrary& library_;
  FellBack fell_back_;
  std::atomic<int64_t> batch_bytes_;
  std::atomic<bool> failed_ = false;
};

}  // namespace athanor::rqa
