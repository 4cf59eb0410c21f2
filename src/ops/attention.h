// softmax(q k^T / sqrt(Dh) + mask) v, a head at a time, on the AMX tiles of a CPU, with factors in fp32 (as
// sums of three bf16, see packed_product.h) or bf16; sums and softmax in fp32. What is masked out with the
// lowest float adds exactly nothing, so that padding behind the keys changes no bit. Vaswani et al. 2017.
// Left out: dropout, gradients, CPUs without AMX, where can_multiply_packed() is false.
#pragma once

#include <cstdint>

#include "src/ops/packed_product.h"

namespace athanor {

struct Attention {
  const float *q = nullptr, *k = nullptr, *v = nullptr;  // [B,H,L,Dh], each of these strides
  int64_t batch_stride = 0, head_stride = 0, row_stride = 0;
  float* out = nullptr;  // [B,L,H,Dh], dense
  int64_t batch = 0, heads = 0, length = 0, width = 0;
  // [B or 1,1,L or 1,L] of 0 and, for what is not seen, the lowest float; or none. Strides of the first and
  // the third dimension, 0 where they are 1.
  const float* mask = nullptr;
  int64_t mask_batch_stride = 0, mask_row_stride = 0;
  ProductPrecision precision = ProductPrecision::kFp32;  // or kBf16
};

// Those from `first` to before `end` of batch times heads; different ones may run at the same time.
void attend_heads(const Attention& attention, int64_t first, int64_t end);

// The plain way, for tests: all in double precision.
void attend_plain(const Attention& attention);

}  // namespace athanor
