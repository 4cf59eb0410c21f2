// The first layer of a model: (x - mean) / scale, clipped to ±10, with the training split's mean and scale as
// buffers, so that an exported module takes raw features.
#pragma once

#include <torch/nn/module.h>

#include <memory>
#include <string>

#include "src/core/batch.h"

namespace athanor {

class Scaler : public torch::nn::Module {
 public:
  // mean, scale [F] f32; undefined ones make this the identity. Throws Error where a scale is not positive.
  Scaler(const at::Tensor& mean, const at::Tensor& scale);
  // x [B,…,F] -> the same shape, in f32 (also under autocast).
  at::Tensor forward(const at::Tensor& x) const;

 private:
  at::Tensor mean_;
  at::Tensor scale_;
};

// The scaler of input `name`, from the constants "mean/NAME" and "scale/NAME". Throws Error where just one is
// there or where their length is not the input's number of features.
std::shared_ptr<Scaler> make_scaler(const DataSpec& spec, const std::string& name);

}  // namespace athanor
