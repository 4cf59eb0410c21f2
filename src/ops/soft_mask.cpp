// A picture's mask is copied with its border around, its classes as they are called in the mirror where the
// picture is mirrored. A row is then found in loops along it - positions, shares, classes - which, but for
// the last, become vectors: compiled for AVX-512, AVX2 and without either, the loader picks at start.
#include "src/ops/soft_mask.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "src/core/thread_pool.h"
#include "src/ops/augment_position.h"
#include "src/ops/clones.h"

namespace athanor {
namespace {

// position() stays within two pixels of the picture, and its lower right neighbour too.
constexpr int64_t kBorderPx = 2;

struct BorderedMask {
  std::vector<uint8_t> ids;  // [H+4,W+4]
  int64_t stride = 0;
  const uint8_t* inside() const { return ids.data() + kBorderPx * stride + kBorderPx; }
};

BorderedMask with_border(const uint8_t* mask, const AugmentShape& s, const AugmentRule& rule,
                         bool is_mirrored) {
  BorderedMask out;
  out.stride = s.width + 2 * kBorderPx;
  out.ids.assign(static_cast<size_t>((s.height + 2 * kBorderPx) * out.stride), rule.mask_fill);
  const bool constant = rule.border == Border::kConstant;
  for (int64_t y = -kBorderPx; y < s.height + kBorderPx; ++y) {
    const int64_t from = std::clamp<int64_t>(y, 0, s.height - 1);
    if (constant && from != y) continue;
    uint8_t* row = out.ids.data() + (y + kBorderPx) * out.stride + kBorderPx;
    std::memcpy(row, mask + from * s.width, static_cast<size_t>(s.width));
    if (constant) continue;
    std::fill(row - kBorderPx, row, row[0]);
    std::fill(row + s.width, row + s.width + kBorderPx, row[s.width - 1]);
  }
  if (is_mirrored && rule.class_mirror != nullptr)
    for (uint8_t& id : out.ids) id = rule.class_mirror[id];
  return out;
}

// out [count]: positions along one side of the picture, from `start` by `step` (2^-32 pixels).
ATHANOR_CLONES void find_positions(int64_t start, int64_t step, int32_t side, bool reflect, int64_t count,
                                   int32_t* __restrict out) {
  if (reflect)
    for (int64_t i = 0; i < count; ++i) out[i] = position(start + step * i, side, true);
  else
    for (int64_t i = 0; i < count; ++i) out[i] = position(start + step * i, side, false);
}

// x, y [count]: positions -> the upper left pixel's place in a picture of this stride, in place of x, and the
// four shares.
ATHANOR_CLONES void find_shares(int32_t* __restrict x, const int32_t* __restrict y, int32_t stride,
                                int64_t count, float* __restrict upper_left, float* __restrict upper_right,
                                float* __restrict lower_left, float* __restrict lower_right) {
  constexpr float kPart = 1.0F / kOnePixel;
  for (int64_t i = 0; i < count; ++i) {
    const float right = static_cast<float>(x[i] & (kOnePixel - 1)) * kPart;
    const float lower = static_cast<float>(y[i] & (kOnePixel - 1)) * kPart;
    upper_left[i] = (1 - right) * (1 - lower);
    upper_right[i] = right * (1 - lower);
    lower_left[i] = (1 - right) * lower;
    lower_right[i] = right * lower;
    x[i] = (y[i] >> kPositionBits) * stride + (x[i] >> kPositionBits);
  }
}

void read_classes(const uint8_t* inside, int64_t stride, const int32_t* place, int64_t count,
                  uint8_t* const layers[kSoftLayers]) {
  uint8_t* __restrict upper_left = layers[0], * __restrict upper_right = layers[1];
  uint8_t* __restrict lower_left = layers[2], * __restrict lower_right = layers[3];
  for (int64_t i = 0; i < count; ++i) {
    const uint8_t* upper = inside + place[i];
    const uint8_t* lower = upper + stride;
    upper_left[i] = upper[0];
    upper_right[i] = upper[1];
    lower_left[i] = lower[0];
    lower_right[i] = lower[1];
  }
}

struct SoftPicture {
  const SoftMaskBatch& batch;
  const AugmentRule& rule;
  int64_t b;

  BorderedMask source() const {
    const AugmentShape& s = batch.shape;
    return with_border(batch.mask + b * s.height * s.width, s, rule, batch.changes[b].mirrored);
  }

  void rows(const BorderedMask& from, int64_t first, int64_t last) const {
    const AugmentShape& s = batch.shape;
    const FixedMap map = fixed_map(batch.changes[b].map);
    const bool reflect = rule.border == Border::kReflect;
    const auto height = static_cast<int32_t>(s.height), width = static_cast<int32_t>(s.width);
    std::vector<int32_t> at_x(static_cast<size_t>(s.out_width)), at_y(at_x.size());
    for (int64_t y = first; y < last; ++y) {
      uint8_t* layers[kSoftLayers];
      float* shares[kSoftLayers];
      for (int64_t n = 0; n < kSoftLayers; ++n) {
        const int64_t at = ((b * kSoftLayers + n) * s.out_height + y) * s.out_width;
        layers[n] = batch.layers + at;
        shares[n] = batch.shares + at;
      }
      find_positions(map.xy * y + map.x0, map.xx, width, reflect, s.out_width, at_x.data());
      find_positions(map.yy * y + map.y0, map.yx, height, reflect, s.out_width, at_y.data());
      find_shares(at_x.data(), at_y.data(), static_cast<int32_t>(from.stride), s.out_width, shares[0],
                  shares[1], shares[2], shares[3]);
      read_classes(from.inside(), from.stride, at_x.data(), s.out_width, layers);
    }
  }
};

}  // namespace

void soft_masks(const SoftMaskBatch& batch, const AugmentRule& rule, ThreadPool& pool) {
  const int64_t threads = pool.threads() + 1, rows = batch.shape.out_height;
  const int64_t alone = batch.shape.batch / threads * threads;
  pool.parallel_for(alone, [&](int64_t b) {
    const SoftPicture picture{batch, rule, b};
    picture.rows(picture.source(), 0, rows);
  });
  for (int64_t b = alone; b < batch.shape.batch; ++b) {
    const SoftPicture picture{batch, rule, b};
    const BorderedMask source = picture.source();
    const int64_t bands = std::min<int64_t>(rows, 4 * threads);
    pool.parallel_for(bands,
                      [&](int64_t i) { picture.rows(source, i * rows / bands, (i + 1) * rows / bands); });
  }
}

}  // namespace athanor
