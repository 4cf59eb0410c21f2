// Augmentation on an NVIDIA GPU (cuda_library.h).
#pragma once

#include <string>
#include <vector>

#include "src/ops/augment.h"
#include "src/ops/cuda/augment_pixel.h"

namespace athanor {

struct CudaAugmentCall {
  AugmentShape shape;
  AugmentRule rule;            // class_mirror on the GPU too
  const uint8_t* image;        // [B,3,H,W], like all below on the GPU
  const uint8_t* mask;         // [B,H,W], or null
  const PixelChange* changes;  // [B]
  float* scratch[2];           // [B,3,H',W'] each; the second one only where a picture is blurred
  unsigned long long* sums;    // [B]
  void* out_image;             // [B,3,H',W'] of out_type
  uint8_t* out_mask;           // [B,H',W']; null where mask is
  PixelType out_type;
  bool blurs;    // any picture
  void* stream;  // cudaStream_t
};

// What the library offers; each returns null, or what went wrong.
struct CudaAugmentLibrary {
  const char* (*augment)(const CudaAugmentCall& call);
  // The same from and to memory of the CPU, for tests: copies there and back.
  const char* (*augment_on_host)(const AugmentBatch& batch, const AugmentRule& rule);
};

// Null, and why, where find_cuda_functions() finds none.
const CudaAugmentLibrary* find_cuda_augment(std::string& why_not);

}  // namespace athanor
