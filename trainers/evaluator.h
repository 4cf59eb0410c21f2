// Metrics of a whole split, against baselines: what `athanor eval` reports and the trainer monitors.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "src/core/batch.h"
#include "src/core/component.h"

namespace athanor {

// Everything a model said about a split, on the CPU, in the data's order.
struct Predictions {
  TensorMap outputs;  // [N,…] f32
  TensorMap labels;   // [N,…]
  at::Tensor time;    // [N] i64, or undefined
  double loss = 0;    // the objective's mean over the samples
  std::vector<std::pair<std::string, double>> loss_parts;
};

struct Report {
  std::vector<std::pair<std::string, double>> scalars;  // "accuracy", "macro_f1", … in the order to print
  std::string json;   // everything, one JSON object: with baselines and intervals
  std::string table;  // for people
};

class Evaluator {
 public:
  virtual ~Evaluator() = default;
  // `full` adds baselines, bootstrap intervals and tables; without it only the scalars are filled (training
  // loop). `train_labels` are the training split's labels, for baselines that must not see the evaluated
  // split.
  virtual Report evaluate(const Predictions& predictions, const TensorMap& train_labels, bool full) const = 0;
};

using EvaluatorComponent = Component<Evaluator, const DataSpec&>;
const std::vector<EvaluatorComponent>& evaluator_components();
using EvaluatorChoice = Choice<Evaluator, const DataSpec&>;

}  // namespace athanor
