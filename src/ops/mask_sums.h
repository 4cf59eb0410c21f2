// The sums over pixels that losses of masks are made of, and their gradient, each in one pass over the
// logits: no softmax is kept. Plain memory, one thread; the caller shares out ranges of pixels.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace athanor {

// Pixels with their logits and true classes: each has `layer_count` of them (two of two blended images, four
// of an interpolated mask), by their shares.
struct MaskPixels {
  const float* logits = nullptr;    // [P,C]
  const uint8_t* layers = nullptr;  // [P/S,N,S] for S pixels_a_sample: below C, or `ignore`
  const float* shares = nullptr;    // that of layers[i] is shares[i / pixels_a_share]; none: N is 1, all 1
  std::span<const float> class_weight;  // [C], of the entropy
  int64_t layer_count = 1;
  int64_t pixels_a_sample = 1;
  int64_t pixels_a_share = 1;  // 1, or pixels_a_sample
  int64_t classes = 0;
  int ignore = -1;  // a class that is none; -1: there is none such
  float focal_gamma = 0;
};

// With p the softmax, y a true class, w its share of the pixel (0 where ignored), v the class's weight, over
// pixels and layers:
struct MaskSums {
  double entropy = 0;         // sum of -w v (1-p_y)^gamma log p_y
  double weight = 0;          // sum of w v
  std::vector<double> said;   // [C]: sum of w p
  std::vector<double> both;   // [C]: sum of w p_y where y is this class
  std::vector<double> truth;  // [C]: sum of w where y is this class
};

// Of pixels [first, last).
MaskSums mask_sums(const MaskPixels& pixels, int64_t first, int64_t last);

// Of a function of the sums: its derivatives by them.
struct MaskSumsGradient {
  float entropy = 0;
  std::vector<float> said, both;  // [C]
};

// gradient [P,C], of which rows [first, last) are written: the function's derivatives by the logits.
void mask_sums_gradient(const MaskPixels& pixels, const MaskSumsGradient& by_sums, int64_t first,
                        int64_t last, float* gradient);

}  // namespace athanor
