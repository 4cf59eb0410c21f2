// The pass over a batch, picture by picture.
#include "src/ops/augment.h"

#include <algorithm>
#include <cstring>

#include "src/core/thread_pool.h"
#include "src/ops/augment_reference.h"

namespace athanor {

void augment_images(const AugmentBatch& batch, const AugmentRule& rule, ThreadPool& pool) {
  const AugmentShape& s = batch.shape;
  pool.parallel_for(s.batch, [&](int64_t b) {
    const auto out =
        augment_reference::augment(batch.image + b * 3 * s.height * s.width, s, batch.changes[b], rule);
    std::copy(out.pixels.begin(), out.pixels.end(), batch.out_image + b * 3 * s.out_height * s.out_width);
    if (batch.mask == nullptr) return;
    const auto mask = augment_reference::warp_mask(batch.mask + b * s.height * s.width, s.height, s.width,
                                                   batch.changes[b].map, s.out_height, s.out_width, rule);
    std::copy(mask.begin(), mask.end(), batch.out_mask + b * s.out_height * s.out_width);
  });
}

}  // namespace athanor
