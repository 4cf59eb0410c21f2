// Metrics of a whole split, against baselines: what `athanor eval` reports and the trainer monitors.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "data/images/image.h"
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

struct Picture {
  std::string name;  // "confusion": of its file, without the ending
  Image image;
};

struct Report {
  std::vector<std::pair<std::string, double>> scalars;  // "accuracy", "macro_f1", … in the order to print
  std::string json;   // everything, one JSON object: with baselines and intervals
  std::string table;  // for people
  std::vector<Picture> pictures = {};
};

// What a report may hold beside its scalars.
struct ReportParts {
  bool tables = false;  // JSON and table, with baselines and intervals
  bool pictures = false;
};

// A split judged batch by batch, for outputs that are too large to be gathered: a class a pixel.
class Tally {
 public:
  virtual ~Tally() = default;
  // outputs [B,…] f32, both on the model's device; keeps neither. Throws Error.
  virtual void add(const Batch& batch, const TensorMap& outputs) = 0;
  // Of all batches so far; `losses` holds the loss and its parts alone.
  virtual Report report(const Predictions& losses, const ReportParts& parts) const = 0;
};

class Evaluator {
 public:
  virtual ~Evaluator() = default;
  // A new tally, of evaluators that work batch by batch; nullptr: they need evaluate() of all predictions.
  virtual std::unique_ptr<Tally> start_tally() const { return nullptr; }
  // `full` adds baselines, bootstrap intervals and tables; without it only the scalars are filled (training
  // loop). `train_labels` are the training split's labels, for baselines that must not see the evaluated
  // split.
  virtual Report evaluate(const Predictions& predictions, const TensorMap& train_labels, bool full) const = 0;
};

using EvaluatorComponent = Component<Evaluator, const DataSpec&>;
const std::vector<EvaluatorComponent>& evaluator_components();
using EvaluatorChoice = Choice<Evaluator, const DataSpec&>;

}  // namespace athanor
