#include "trainers/evaluators/confusion.h"

#include <cmath>

#include "src/core/text.h"

namespace athanor {

std::vector<ClassRow> class_rows(std::span<const double> counts, int64_t classes) {
  std::vector<ClassRow> rows(classes);
  for (int64_t truth = 0; truth < classes; ++truth)
    for (int64_t guess = 0; guess < classes; ++guess) {
      rows[truth].support += counts[truth * classes + guess];
      rows[guess].predicted += counts[truth * classes + guess];
    }
  for (int64_t k = 0; k < classes; ++k) {
    ClassRow& row = rows[k];
    const double right = counts[k * classes + k];
    row.precision = row.predicted > 0 ? right / row.predicted : 0;
    row.recall = row.support > 0 ? right / row.support : 0;
    row.f1 = row.support + row.predicted > 0 ? 2 * right / (row.support + row.predicted) : 0;
  }
  return rows;
}

ClassificationMetrics classification_metrics(std::span<const double> counts, int64_t classes) {
  double total = 0, right = 0, recalls = 0, f1s = 0, occurring = 0, seen = 0;
  double support_times_predicted = 0, support_squared = 0, predicted_squared = 0;
  const std::vector<ClassRow> rows = class_rows(counts, classes);
  for (int64_t k = 0; k < classes; ++k) {
    const ClassRow& row = rows[k];
    total += row.support;
    right += counts[k * classes + k];
    recalls += row.recall;
    f1s += row.f1;
    occurring += row.support > 0;
    seen += row.support + row.predicted > 0;
    support_times_predicted += row.support * row.predicted;
    support_squared += row.support * row.support;
    predicted_squared += row.predicted * row.predicted;
  }
  if (total == 0) return {};
  const double spread = (total * total - support_squared) * (total * total - predicted_squared);
  return {.accuracy = right / total,
          .balanced_accuracy = recalls / occurring,
          .macro_f1 = f1s / seen,
          .mcc = spread > 0 ? (right * total - support_times_predicted) / std::sqrt(spread) : 0};
}

std::vector<std::string> direction_names(int64_t classes) {
  if (classes == 3) return {"down", "neutral", "up"};
  std::vector<std::string> names;
  for (int64_t k = 0; k < classes; ++k) names.push_back(text("class ", k));
  return names;
}

}  // namespace athanor
