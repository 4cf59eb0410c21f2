// Memory of the GPU, and CUDA's errors as text: for the .cu files of libathanor_cuda.so.
#pragma once

#include <cuda_runtime.h>

namespace athanor {

inline const char* problem_of(cudaError_t error) {
  return error == cudaSuccess ? nullptr : cudaGetErrorString(error);
}

// For as long as it is in scope. Copies wait for what the stream did before; the first error stays in `error`
// and ends all that follows.
template <class T>
class DeviceArray {
 public:
  explicit DeviceArray(size_t size, cudaStream_t stream = nullptr)
      : stream_(stream), bytes_(size * sizeof(T)) {
    error = bytes_ == 0 ? cudaSuccess : cudaMalloc(&data, bytes_);
  }
  ~DeviceArray() { cudaFree(data); }
  DeviceArray(const DeviceArray&) = delete;
  DeviceArray& operator=(const DeviceArray&) = delete;
  void fill_from(const void* host) {
    if (goes_on()) error = cudaMemcpyAsync(data, host, bytes_, cudaMemcpyHostToDevice, stream_);
  }
  void clear() {
    if (goes_on()) error = cudaMemsetAsync(data, 0, bytes_, stream_);
  }
  void copy_to(void* host) { copy_to(host, bytes_ / sizeof(T)); }
  // The first `size` of them; they are there when it returns.
  void copy_to(void* host, size_t size) {
    if (goes_on()) error = cudaMemcpyAsync(host, data, size * sizeof(T), cudaMemcpyDeviceToHost, stream_);
    if (goes_on()) error = cudaStreamSynchronize(stream_);
  }

  T* data = nullptr;
  cudaError_t error;

 private:
  bool goes_on() const { return error == cudaSuccess && bytes_ > 0; }

  cudaStream_t stream_;
  size_t bytes_;
};

}  // namespace athanor
