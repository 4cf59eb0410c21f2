// y = act(x W^T + b) with a weight that is laid out once, on the AMX tiles of a CPU. In fp32 each factor is
// the sum of three bf16, of whose nine products the six that matter are added in fp32: as exact as fp32
// arithmetic and faster than it, since tiles multiply bf16 sixteen times as fast (Henry, Tang and Heinecke
// 2019, "Leveraging the bfloat16 Artificial Intelligence Datatype For Higher-Precision Computations"). In
// bf16 one product; in int8 whole numbers with a scale for each output and for each row of x. A row of y
// depends on its row of x alone, to the bit. Left out: CPUs without AMX, where can_multiply_packed() is
// false.
#pragma once

#include <cstdint>
#include <vector>

#include "src/core/memory.h"
#include "src/ops/activation.h"

namespace athanor {

enum class ProductPrecision { kFp32, kBf16, kInt8 };

class PackedWeight {
 public:
  // weight [outputs,inputs] f32, copied
  PackedWeight(const float* weight, int64_t outputs, int64_t inputs, ProductPrecision precision);

  int64_t outputs() const { return outputs_; }
  int64_t inputs() const { return inputs_; }
  ProductPrecision precision() const { return precision_; }
  int64_t bytes() const { return bytes_ + static_cast<int64_t>(scales_.size() * sizeof(float)); }

  // Tiles of 1 KiB: [outputs/32][depth_tiles][planes][2 of 16 outputs], each [16 groups along k][16
  // outputs][2 bf16 or 4 int8]; zeros beyond the edges.
  const uint8_t* tiles() const { return tiles_.get(); }
  const float* scales() const { return scales_.data(); }  // int8: of each output, up to whole 32s
  int64_t depth_tiles() const { return depth_tiles_; }
  int64_t strips() const { return (outputs_ + 31) / 32; }  // of 32 outputs
  int64_t planes() const { return precision_ == ProductPrecision::kFp32 ? 3 : 1; }

 private:
  void pack_tile(const float* weight, int64_t first_output, int64_t depth_tile);

  int64_t outputs_, inputs_, depth_tiles_, bytes_;
  ProductPrecision precision_;
  LargeMemory tiles_;
  std::vector<float> scales_;
};

// Whether this CPU runs multiply_part().
bool can_multiply_packed();

struct PackedProduct {
  const float* x = nullptr;  // [rows,inputs], rows `x_stride` apart
  int64_t rows = 0, x_stride = 0;
  const PackedWeight* weight = nullptr;
  const float* bias = nullptr;  // [outputs], or none
  Activation activation = Activation::kNone;
  float* y = nullptr;  // [rows,outputs], rows `y_stride` apart
  int64_t y_stride = 0;
};

// The product in parts that may run at the same time.
struct ProductParts {
  int64_t panel_rows = 0, panels = 0, column_parts = 1;
  int64_t count() const { return panels * column_parts; }
};
ProductParts split_product(const PackedProduct& product, int64_t threads);
void multiply_part(const PackedProduct& product, const ProductParts& parts, int64_t part);

// The plain way, for tests: the same roundings of the factors (none in fp32), sums in double precision.
void multiply_plain(const PackedProduct& product, const float* weight);

}  // namespace athanor
