// The report of `masks`: as JSON for programs and as a table for a person.
#pragma once

#include <string>
#include <vector>

#include "trainers/evaluator.h"
#include "trainers/evaluators/mask_metrics.h"

namespace athanor {

struct MaskResult {
  const Predictions* losses = nullptr;
  int64_t samples = 0;
  int64_t ignored_pixels = 0;
  std::vector<std::string> class_names;
  std::vector<double> confusion;  // [C*C], truth-major, of the pixels of all images
  double f_score_per_image = 0;   // the mean over the images of the F-score of each
  double background_f_score_per_image = 0;

  int64_t classes() const { return static_cast<int64_t>(class_names.size()); }
};

// "miou", "f_score", "f_score_per_image", "pixel_accuracy"
std::vector<std::pair<std::string, double>> mask_scalars(const MaskResult& result);
std::string masks_json(const MaskResult& result);
std::string masks_table(const MaskResult& result);

}  // namespace athanor
