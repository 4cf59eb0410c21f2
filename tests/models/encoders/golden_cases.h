// What scripts/golden/make_towers.py wrote: tiny models, with inputs and what transformers makes of them.
#pragma once

#include <ATen/ATen.h>

#include <catch2/catch.hpp>
#include <string>

#include "src/core/safetensors.h"
#include "src/core/text.h"

namespace athanor {

inline const std::string kGolden = ATHANOR_SOURCE_DIR "/tests/models/golden/towers/";

inline double largest_difference(const at::Tensor& got, const at::Tensor& want) {
  CATCH_REQUIRE(got.defined());
  CATCH_REQUIRE(got.sizes() == want.sizes());
  return (got - want).abs().max().item<double>();
}

// Case i of a folder; a tensor that it lacks is undefined.
class Cases {
 public:
  explicit Cases(const std::string& name) : file_(read_safetensors(kGolden + name + "/cases.safetensors")) {}
  at::Tensor get(int i, const std::string& key) const {
    const at::Tensor* tensor = file_.tensors.find(text(i, "/", key));
    return tensor == nullptr ? at::Tensor() : *tensor;
  }

 private:
  Safetensors file_;
};

}  // namespace athanor
