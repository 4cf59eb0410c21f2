#include "trainers/predict.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "src/core/stop.h"
#include "trainers/loss_meter.h"
#include "trainers/precision.h"

namespace athanor {
namespace {

// Pieces of each name, joined at the end.
class Gathered {
 public:
  void add(const Batch& batch, const TensorMap& said) {
    for (const auto& [name, values] : said) put(outputs_, name, values);
    for (const auto& [name, values] : batch.labels) put(labels_, name, values);
    if (batch.time.defined()) put(time_, "time", batch.time);
  }
  void write(Predictions& predictions) const {
    for (const auto& [name, pieces] : outputs_) predictions.outputs.set(name, at::cat(pieces));
    for (const auto& [name, pieces] : labels_) predictions.labels.set(name, at::cat(pieces));
    for (const auto& [name, pieces] : time_) predictions.time = at::cat(pieces);
  }

 private:
  using Pieces = std::vector<std::pair<std::string, std::vector<at::Tensor>>>;

  // Copies: a batch's tensors are views that the loader writes over.
  static void put(Pieces& all, const std::string& name, const at::Tensor& values) {
    auto found = std::find_if(all.begin(), all.end(), [&](const auto& entry) { return entry.first == name; });
    if (found == all.end()) found = all.insert(all.end(), {name, {}});
    found->second.push_back(values.to(at::kCPU, values.scalar_type(), false, /*copy=*/true));
  }

  Pieces outputs_, labels_, time_;
};

void write_losses(LossMeter& meter, Predictions& predictions) {
  meter.fold();
  for (const auto& [name, mean] : meter.means()) {
    if (name == "loss") {
      predictions.loss = mean;
    } else {
      predictions.loss_parts.emplace_back(name.substr(std::string("loss_").size()), mean);
    }
  }
}

// Evaluation mode with no carried state for its life.
class EvaluationMode {
 public:
  EvaluationMode(Model& model, bool training_after)
      : model_(model), training_after_(training_after), state_(model.state()) {
    model_.set_training(false);
    model_.set_state({});
  }
  ~EvaluationMode() {
    model_.set_training(training_after_);
    model_.set_state(state_);
  }
  EvaluationMode(const EvaluationMode&) = delete;
  EvaluationMode& operator=(const EvaluationMode&) = delete;

 private:
  Model& model_;
  bool training_after_;
  TensorMap state_;
};

at::Device device_of(const Model& model) {
  const TensorMap parameters = model.parameters();
  return parameters.empty() ? at::Device(at::kCPU) : parameters.begin()->second.device();
}

// fp32 outputs; state is carried only where the batch goes on from the one before.
TensorMap forward(Model& model, const Batch& batch, at::ScalarType autocast, at::Device device) {
  if (!batch.follows_previous) model.set_state({});
  const AutocastGuard guard(autocast, device);
  return to_fp32(model.forward(batch.inputs));
}

// Ordered streams interleave the samples of a batch: back into the order of time.
void sort_by_time(Predictions& predictions) {
  if (!predictions.time.defined()) return;
  const int64_t* time = predictions.time.const_data_ptr<int64_t>();
  const int64_t samples = predictions.time.size(0);
  if (std::is_sorted(time, time + samples)) return;
  at::Tensor order = at::arange(samples, at::kLong);
  auto* first = order.mutable_data_ptr<int64_t>();
  std::stable_sort(first, first + samples, [time](int64_t a, int64_t b) { return time[a] < time[b]; });
  for (auto& [name, values] : predictions.outputs) values = values.index_select(0, order);
  for (auto& [name, values] : predictions.labels) values = values.index_select(0, order);
  predictions.time = predictions.time.index_select(0, order);
}

}  // namespace

PredictResult predict(Model& model, ChunkDataLoader& loader, const Objective& objective,
                      const PredictOptions& options, bool training_after) {
  const at::NoGradGuard no_grad;
  const EvaluationMode mode(model, training_after);
  const at::Device device = device_of(model);
  PredictResult result;
  Gathered gathered;
  LossMeter losses;
  loader.start_epoch(0);
  for (int64_t index = 0; options.max_batches == 0 || index < options.max_batches; ++index) {
    result.complete = !stop_requested();
    if (!result.complete) break;
    const std::optional<Batch> batch = loader.next();
    if (!batch) break;
    const TensorMap said = forward(model, *batch, options.autocast, device);
    losses.add(objective.compute(said, batch->labels), batch->size, index);
    result.samples += batch->size;
    if (options.on_batch) options.on_batch(*batch, said);
    if (options.keep) gathered.add(*batch, said);
  }
  write_losses(losses, result.predictions);
  gathered.write(result.predictions);
  sort_by_time(result.predictions);
  return result;
}

}  // namespace athanor
