// Every step of augmentation by itself, one readable loop each, on planar fp32 images in [0,1]: what the
// fused pass (ops/augment.h) and the GPU kernel are tested against, and what docs/augmentation.md defines.
// The definitions are torchvision's (transforms.v2.functional on float images) unless said otherwise.
#pragma once

#include <cstdint>
#include <vector>

#include "src/ops/augment.h"

namespace athanor::augment_reference {

struct FloatImage {
  int64_t height = 0, width = 0;
  std::vector<float> pixels;  // [3,H,W]
  float* plane(int64_t c) { return pixels.data() + c * height * width; }
  const float* plane(int64_t c) const { return pixels.data() + c * height * width; }
};

// uint8 [3,H,W] / 255
FloatImage from_bytes(const uint8_t* image, int64_t height, int64_t width);

// Bilinear, without antialias; positions are rounded to 2^-15 pixels.
FloatImage warp(const FloatImage& image, const Affine& map, int64_t out_height, int64_t out_width,
                const AugmentRule& rule);
// Nearest, halves upwards. [H,W] -> [H',W']
std::vector<uint8_t> warp_mask(const uint8_t* mask, int64_t height, int64_t width, const Affine& map,
                               int64_t out_height, int64_t out_width, const AugmentRule& rule);
// Bilinear as the image: the four pixels around, upper left, upper right, lower left, lower right, and their
// shares.
struct SoftMask {
  std::vector<uint8_t> layers;  // [4,H',W']
  std::vector<float> shares;    // [4,H',W']
};
SoftMask warp_soft_mask(const uint8_t* mask, int64_t height, int64_t width, const Affine& map,
                        int64_t out_height, int64_t out_width, const AugmentRule& rule);

// Gaussian, separable, mirrored at the border without repeating the edge pixel, radius ceil(3 sigma) (at most
// kLargestBlurRadius).
FloatImage blur(const FloatImage& image, double sigma_px);

FloatImage brightness(const FloatImage& image, float factor);  // clamp(x f)
FloatImage contrast(const FloatImage& image, float factor);    // clamp(m + (x - m) f), m the mean grey
FloatImage saturation(const FloatImage& image, float factor);  // clamp(g + (x - g) f), g the pixel's grey
FloatImage hue(const FloatImage& image, float turns);          // H of HSV turned, S and V kept
FloatImage normalise(const FloatImage& image, const float mean[3], const float std[3]);

// All of them in their order: warp, blur, brightness, contrast, saturation, hue, normalise.
FloatImage augment(const uint8_t* image, const AugmentShape& shape, const PictureChange& change,
                   const AugmentRule& rule);

}  // namespace athanor::augment_reference

namespace athanor {

constexpr int kLargestBlurRadius = 32;
// Weights of the blur, [2 radius + 1], sum 1.
std::vector<float> blur_weights(double sigma_px);
// 0.2989 R + 0.587 G + 0.114 B (ITU-R 601, as torchvision has it)
constexpr float kGrey[3] = {0.2989F, 0.587F, 0.114F};

}  // namespace athanor
