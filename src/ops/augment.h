// Augmentation of labelled images in one pass: flip, affine map, blur, brightness, contrast, saturation, hue
// and normalisation from uint8 to fp32, and the mask by the same map. Plain C++: pointers in and out.
// The meaning of each step is written out in ops/augment_reference.h; docs/augmentation.md compares it with
// other libraries.
#pragma once

#include <cstdint>

namespace athanor {

class ThreadPool;

// Output pixel (x,y) shows the source at (xx x + xy y + x0, yx x + yy y + y0); pixel centres are whole
// numbers.
struct Affine {
  double xx = 1, xy = 0, x0 = 0;
  double yx = 0, yy = 1, y0 = 0;
};
// The map that applies `outer` first: p -> inner(outer(p)).
Affine compose(const Affine& inner, const Affine& outer);

// What one picture goes through, in this order.
struct PictureChange {
  Affine map;
  double blur_sigma_px = 0;  // 0: none
  float brightness = 1;      // factors; 1 changes nothing
  float contrast = 1;
  float saturation = 1;
  float hue_turns = 0;    // [-0.5,0.5] of the colour circle
  bool mirrored = false;  // left and right have changed places: so do classes that are one or the other
};

// What lies outside the picture: a colour, its edge pixels, or its mirror image.
enum class Border { kConstant, kReplicate, kReflect };

struct AugmentRule {
  Border border = Border::kConstant;
  uint8_t fill[3] = {0, 0, 0};            // with kConstant
  uint8_t mask_fill = 0;                  // the class outside the picture, with kConstant
  const uint8_t* class_mirror = nullptr;  // [256]: of a mask's class in a mirrored picture; null: the same
  float mean[3] = {0, 0, 0};              // out = (x - mean) / std, x in [0,1]
  float std[3] = {1, 1, 1};
};

// Sides are at most kLargestSide pixels.
struct AugmentShape {
  int64_t batch = 0;
  int64_t height = 0, width = 0;          // of what goes in
  int64_t out_height = 0, out_width = 0;  // of what comes out
};
constexpr int64_t kLargestSide = 16384;

// What the images come out as: float, or bf16 rounded to nearest, halves to even.
enum class PixelType { kFloat32, kBFloat16 };

struct AugmentBatch {
  AugmentShape shape;
  const uint8_t* image = nullptr;          // [B,3,H,W]
  const uint8_t* mask = nullptr;           // [B,H,W], or null
  const PictureChange* changes = nullptr;  // [B]
  void* out_image = nullptr;               // [B,3,H',W'] of out_type
  uint8_t* out_mask = nullptr;             // [B,H',W']; null where mask is
  PixelType out_type = PixelType::kFloat32;
};

// Threads take whole pictures, or bands of rows where pictures are few; the result is the same to the bit.
void augment_images(const AugmentBatch& batch, const AugmentRule& rule, ThreadPool& pool);

}  // namespace athanor
