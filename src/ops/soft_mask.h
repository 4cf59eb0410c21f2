// Soft masks: what a mask's pixel becomes under an augmentation's map when it is interpolated as the image is
// - the classes of the four pixels around it and their bilinear shares. Plain C++: pointers in and out.
// The plain form is augment_reference::warp_soft_mask().
#pragma once

#include <cstdint>

#include "src/ops/augment.h"

namespace athanor {

// The pixels around a place: upper left, upper right, lower left, lower right.
constexpr int64_t kSoftLayers = 4;

struct SoftMaskBatch {
  AugmentShape shape;
  const uint8_t* mask = nullptr;           // [B,H,W]
  const PictureChange* changes = nullptr;  // [B]; of them the map, and mirrored
  uint8_t* layers = nullptr;               // [B,4,H',W']
  float* shares = nullptr;                 // [B,4,H',W']; of a pixel they sum to 1
};

// Looks where augment_images() looks. Threads take whole pictures, or bands of rows where pictures are few.
void soft_masks(const SoftMaskBatch& batch, const AugmentRule& rule, ThreadPool& pool);

}  // namespace athanor
