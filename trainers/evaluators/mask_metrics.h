// Metrics of masks from a confusion matrix of their pixels, defined as scikit-learn's on the flattened
// pixels.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace athanor {

// In the order in which they are reported.
struct MaskMetrics {
  double miou = 0;     // mean IoU over the classes that occur or are predicted
  double f_score = 0;  // mean F1 over the classes that occur
  double pixel_accuracy = 0;
};

// counts [classes*classes], truth-major.
MaskMetrics mask_metrics(std::span<const double> counts, int64_t classes);
// The mean F1 over the classes that occur; 0 where there is no pixel.
double f_score(std::span<const double> counts, int64_t classes);
// The intersection over the union of each class; 0 where it neither occurs nor is predicted.
std::vector<double> class_ious(std::span<const double> counts, int64_t classes);
// The counts of one who calls every pixel `guess`.
std::vector<double> constant_confusion(std::span<const double> counts, int64_t classes, int64_t guess);

}  // namespace athanor
