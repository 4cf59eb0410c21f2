// Resizing of 8-bit images with antialias, to the bit as one of two libraries does it:
//   kPillow  Pillow 13's Image.resize: weights of 22 bits; the height first where it shrinks by more than
//   twice as
//            many pixels as the width (before Pillow 13: never)
//   kTorch   ATen's uint8 kernel, which torchvision and transformers' default image processors run: weights
//   of 16
//            bits with as many bits behind the point as the largest leaves; the width first
// Both go through 8 bits between the two passes. Left out: Lanczos, box and Hamming filters, no antialias.
#pragma once

#include "data/images/image.h"

namespace athanor {

enum class Filter { kNearest, kBilinear, kBicubic };
enum class Arithmetic { kPillow, kTorch };

struct Resize {
  int64_t height = 0, width = 0;
  Filter filter = Filter::kBilinear;
  Arithmetic like = Arithmetic::kPillow;
  // How much of the image, from its top left corner, becomes the result: all of it (0), or less by parts of a
  // pixel.
  ImagePart part = {};
  // What of the result is made: all of it (0), or this box of it.
  struct Box {
    int64_t top = 0, left = 0, height = 0, width = 0;
  } box = {};
};

// channels 1 or 3 -> the same. The sizes are above zero, the box lies within the result.
Image resize(const Image& image, const Resize& how);

}  // namespace athanor
