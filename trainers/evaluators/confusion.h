// Classification metrics from a confusion matrix: rows are the truth, columns what was predicted. Definitions
// as in scikit-learn; the Matthews coefficient of several classes is Gorodkin's R_K (2004).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace athanor {

struct ClassificationMetrics {
  double accuracy = 0;
  double balanced_accuracy = 0;  // mean recall over the classes that occur
  double macro_f1 = 0;           // mean F1 over the classes that occur or are predicted
  double mcc = 0;                // R_K, 0 where it is not defined
};

// counts [classes*classes], truth-major. Counts are doubles so that resamples can be sums of prefix sums.
ClassificationMetrics classification_metrics(std::span<const double> counts, int64_t classes);

struct ClassRow {
  double support = 0;    // samples of this class
  double predicted = 0;  // samples called this class
  double precision = 0;  // 0 where nothing was predicted
  double recall = 0;
  double f1 = 0;
};
std::vector<ClassRow> class_rows(std::span<const double> counts, int64_t classes);

// "down", "neutral", "up" for three classes, else "class 0", …
std::vector<std::string> direction_names(int64_t classes);

}  // namespace athanor
