// The GPU's side of recurrence analysis (line_walk.h): a thread walks a line, neighbouring threads walk
// neighbouring lines, so that a warp reads one stretch of the series, which the L1 cache holds.
#include <cuda_runtime.h>

#include <algorithm>

#include "src/ops/cuda/device_array.h"
#include "src/rqa/cuda/line_walk.h"

namespace athanor::rqa {
namespace {

template <Norm kNorm, bool kOfColumns>
__global__ void __launch_bounds__(kBlockThreads) walk_lines(const __grid_constant__ LineCall call) {
  extern __shared__ int32_t words[];
  const auto thread = static_cast<int32_t>(threadIdx.x);
  clear_words(call, thread, words);
  __syncthreads();
  walk_own_line<kNorm, kOfColumns>(call, blockIdx.x, thread, words);
  __syncthreads();
  add_words(call, kOfColumns, blockIdx.x, thread, words);
}

using Kernel = void (*)(LineCall);
constexpr Kernel kKernels[3][2] = {{walk_lines<Norm::kL1, false>, walk_lines<Norm::kL1, true>},
                                   {walk_lines<Norm::kL2, false>, walk_lines<Norm::kL2, true>},
                                   {walk_lines<Norm::kLinf, false>, walk_lines<Norm::kLinf, true>}};

cudaError_t launch(const LineCall& call, bool columns, cudaStream_t stream) {
  const Kernel kernel = kKernels[static_cast<int>(call.norm)][columns];
  const auto blocks = static_cast<unsigned>(block_count(call, columns));
  const auto threads = static_cast<unsigned>(call.block_threads);
  kernel<<<blocks, threads, static_cast<size_t>(block_words(call)) * sizeof(int32_t), stream>>>(call);
  return cudaGetLastError();
}

// `host` with all memory on the GPU.
class CallOnDevice {
 public:
  CallOnDevice(const LineCall& host, cudaStream_t stream)
      : host_(host),
        stream_(stream),
        values_(static_cast<size_t>(host.coordinates) * host.length, stream),
        bounds_(host.thresholds, stream),
        matrices_(host.matrix_count, stream),
        diagonal_(lines_size(host.most_vectors), stream),
        vertical_(host.vertical ? lines_size(host.most_vectors) : 0, stream),
        longest_(2, stream),
        cells_(static_cast<size_t>(host.matrix_count) * kCellKinds * host.thresholds, stream),
        by_diagonal_(host.by_diagonal
                         ? static_cast<size_t>(host.matrix_count) * host.thresholds * host.most_vectors
                         : 0,
                     stream) {}

  cudaError_t run() {
    values_.fill_from(host_.values);
    bounds_.fill_from(host_.bounds);
    matrices_.fill_from(host_.matrices);
    for (DeviceArray<int32_t>* each : {&diagonal_, &vertical_, &longest_, &by_diagonal_}) each->clear();
    cells_.clear();
    if (error() != cudaSuccess) return error();
    const LineCall call = on_device();
    cudaError_t launched = launch(call, false, stream_);
    if (launched == cudaSuccess && call.vertical) launched = launch(call, true, stream_);
    if (launched != cudaSuccess) return launched;
    longest_.copy_to(host_.longest);
    cells_.copy_to(host_.cells);
    by_diagonal_.copy_to(host_.by_diagonal_cells);
    if (error() != cudaSuccess) return error();
    diagonal_.copy_to(host_.diagonal_lines, lines_size(host_.longest[0]));
    vertical_.copy_to(host_.vertical_lines, host_.vertical ? lines_size(host_.longest[1]) : 0);
    return error();
  }

 private:
  // Up to lines of `length`.
  size_t lines_size(int32_t length) const { return static_cast<size_t>(lines_at(host_, length + 1, 0)); }
  LineCall on_device() const {
    LineCall call = host_;
    call.values = values_.data;
    call.bounds = bounds_.data;
    call.matrices = matrices_.data;
    call.diagonal_lines = diagonal_.data;
    call.vertical_lines = vertical_.data;
    call.longest = longest_.data;
    call.cells = cells_.data;
    call.by_diagonal_cells = by_diagonal_.data;
    return call;
  }
  cudaError_t error() const {
    for (const cudaError_t each : {values_.error, bounds_.error, matrices_.error, diagonal_.error,
                                   vertical_.error, longest_.error, cells_.error, by_diagonal_.error})
      if (each != cudaSuccess) return each;
    return cudaSuccess;
  }

  const LineCall& host_;
  cudaStream_t stream_;
  DeviceArray<double> values_, bounds_;
  DeviceArray<LineMatrix> matrices_;
  DeviceArray<int32_t> diagonal_, vertical_, longest_;
  DeviceArray<unsigned long long> cells_;
  DeviceArray<int32_t> by_diagonal_;
};

}  // namespace
}  // namespace athanor::rqa

extern "C" const char* athanor_cuda_count_lines(const athanor::rqa::LineCall& call, bool& out_of_memory) {
  const cudaError_t error = athanor::rqa::CallOnDevice(call, cudaStreamPerThread).run();
  out_of_memory = error == cudaErrorMemoryAllocation;
  if (out_of_memory) cudaGetLastError();  // which would come back at the next launch
  return athanor::problem_of(error);
}
