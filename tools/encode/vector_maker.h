// Vectors of a window of inputs: read in parallel, batched by length, run on the device, put in their order.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "tools/encode/batches.h"
#include "tools/encode/encode_job.h"
#include "tools/encode/model_inputs.h"

namespace athanor {

// The vectors of some inputs, side by side.
struct Vectors {
  at::Tensor rows;              // [sum of counts,D] f32
  std::vector<int64_t> counts;  // of each input; 0 for one that is left out of several vectors each
};

class VectorMaker {
 public:
  // `options`, `encoder` (prepared by now or later) and `pool` outlive it.
  VectorMaker(const EncodeOptions& options, Encoder& encoder, at::Device device, ThreadPool& pool);

  int64_t width() const;   // D
  int64_t window() const;  // inputs that are best given together
  // Throws Error naming the input.
  Vectors encode(std::vector<EncodeInput>& inputs);
  int64_t skipped() const { return skipped_; }  // inputs left out so far

 private:
  void start_limits();
  std::vector<std::vector<int64_t>> batches(const ModelInputs& inputs, const std::vector<bool>& is_bad) const;
  at::Tensor forward(const std::vector<int64_t>& batch, const ModelInputs& inputs) const;
  void halve(const std::vector<int64_t>& batch, const ModelInputs& inputs);
  void fall_back();

  const EncodeOptions& options_;
  Encoder& encoder_;
  at::Device device_;
  InputReader reader_;
  BatchLimits limits_;
  int64_t skipped_ = 0;
};

// A vector a token or patch.
inline bool has_several(const EncodeOptions& options) {
  return options.mode == VectorMode::kMulti || options.kind == VectorKind::kHidden;
}

}  // namespace athanor
