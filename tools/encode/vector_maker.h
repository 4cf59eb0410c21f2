// What makes vectors of a window of inputs: texts, or images.
#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <vector>

#include "tools/encode/encode_job.h"

namespace athanor {

class ThreadPool;

// The vectors of some inputs, side by side.
struct Vectors {
  at::Tensor rows;              // [sum of counts,D] f32
  std::vector<int64_t> counts;  // of each input; 0 for one that is left out of several vectors each
};

class VectorMaker {
 public:
  virtual ~VectorMaker() = default;
  virtual int64_t width() const = 0;   // D
  virtual int64_t window() const = 0;  // inputs that are best given together
  // Throws Error naming the input.
  virtual Vectors encode(std::vector<EncodeInput>& inputs) = 0;
  virtual int64_t skipped() const { return 0; }  // inputs left out so far
};

// `options`, `encoder` and `pool` outlive it.
std::unique_ptr<VectorMaker> make_text_vectors(const EncodeOptions& options, const Encoder& encoder,
                                               at::Device device, ThreadPool& pool);
std::unique_ptr<VectorMaker> make_image_vectors(const EncodeOptions& options, const Encoder& encoder,
                                                at::Device device, ThreadPool& pool);

// A vector a token or patch.
inline bool has_several(const EncodeOptions& options) {
  return options.mode == VectorMode::kMulti || options.kind == VectorKind::kHidden;
}

}  // namespace athanor
