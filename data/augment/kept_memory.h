// Memory for a result that is made anew every batch: given out again once nobody holds an earlier tensor. The
// system hands out large blocks page by page, which for a batch of pictures takes longer than augmenting it.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <memory>
#include <vector>

namespace athanor {

class KeptMemory {
 public:
  // A tensor on the CPU whose values are not set.
  at::Tensor tensor(at::IntArrayRef shape, at::ScalarType type);

 private:
  struct Block {
    std::shared_ptr<std::byte> memory;  // shared with the tensors made of it
    size_t bytes;
  };
  std::vector<Block> blocks_;  // few: for a batch in use, and the one before it
};

}  // namespace athanor
