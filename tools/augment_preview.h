// A picture of what training sees: originals beside augmented ones, masks laid over, with captions and a
// legend.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "data/augment/augmentation.h"
#include "data/images/image.h"
#include "data/images/labelled_images.h"

namespace athanor {

struct PreviewOptions {
  uint64_t seed = 1;
  int64_t epoch = 0;
  int64_t variants = 11;  // of each picture
};

constexpr int64_t kPreviewColumns = 6;
constexpr int64_t kPreviewCellPx = 192;  // the longer side of each picture

// `pictures` are what the data gives, of spec's size. For each: itself, then itself as samples i, i + n, i +
// 2 n, … of the epoch, where n is their number, so that the partner of a mixed sample is the next picture.
Image augment_preview(const Augmentation& augmentation, const DataSpec& spec,
                      const std::vector<DecodedSample>& pictures, const PreviewOptions& options);

}  // namespace athanor
