#include "trainers/evaluators/mask_metrics.h"

#include "trainers/evaluators/confusion.h"

namespace athanor {

std::vector<double> class_ious(std::span<const double> counts, int64_t classes) {
  const std::vector<ClassRow> rows = class_rows(counts, classes);
  std::vector<double> ious(classes);
  for (int64_t k = 0; k < classes; ++k) {
    const double right = counts[k * classes + k], either = rows[k].support + rows[k].predicted - right;
    if (either > 0) ious[k] = right / either;
  }
  return ious;
}

double f_score(std::span<const double> counts, int64_t classes) {
  double sum = 0, occurring = 0;
  for (const ClassRow& row : class_rows(counts, classes)) {
    if (row.support == 0) continue;
    sum += row.f1;
    occurring += 1;
  }
  return occurring > 0 ? sum / occurring : 0;
}

MaskMetrics mask_metrics(std::span<const double> counts, int64_t classes) {
  const std::vector<ClassRow> rows = class_rows(counts, classes);
  const std::vector<double> ious = class_ious(counts, classes);
  double iou_sum = 0, seen = 0, right = 0, total = 0;
  for (int64_t k = 0; k < classes; ++k) {
    iou_sum += ious[k];
    seen += rows[k].support + rows[k].predicted > 0;
    right += counts[k * classes + k];
    total += rows[k].support;
  }
  return {.miou = seen > 0 ? iou_sum / seen : 0,
          .f_score = f_score(counts, classes),
          .pixel_accuracy = total > 0 ? right / total : 0};
}

std::vector<double> constant_confusion(std::span<const double> counts, int64_t classes, int64_t guess) {
  const std::vector<ClassRow> rows = class_rows(counts, classes);
  std::vector<double> constant(counts.size());
  for (int64_t k = 0; k < classes; ++k) constant[k * classes + guess] = rows[k].support;
  return constant;
}

}  // namespace athanor
