// What a person looks at after an evaluation of masks: the confusion matrix, and samples with their masks
// laid over them.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "data/images/image.h"

namespace athanor {

struct MaskSample {
  int64_t number = 0;  // in the split
  double f_score = 0;
  Image image;         // RGB
  Image truth, guess;  // class ids
};

// A row a true class: which part of its pixels was called what, in percent. counts [C*C], truth-major.
Image confusion_picture(std::span<const double> counts, const std::vector<std::string>& class_names);

// A row a sample: the image, the true mask and the model's over it, and what is wrong; then the classes'
// colours. `ignore` is the id of pixels that count nowhere (-1: none).
Image samples_picture(const std::vector<MaskSample>& samples, const std::vector<std::string>& class_names,
                      const std::vector<int64_t>& class_colours, int64_t ignore);

}  // namespace athanor
