#include "trainers/evaluation.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <numeric>
#include <optional>

#include "data/chunk_loader.h"
#include "src/core/error.h"
#include "src/core/log.h"
#include "src/core/progress.h"
#include "src/core/text.h"
#include "src/core/thread_pool.h"
#include "trainers/judge.h"
#include "trainers/mirrored.h"
#include "trainers/precision.h"
#include "trainers/predictions_file.h"
#include "trainers/run_dir.h"
#include "trainers/train_job.h"

namespace athanor {
namespace {

// Counts the samples that a loader hands out: ordered streams leave out what does not fill a batch.
int64_t samples_given(const ChunkDataLoader& loader, const LoaderOptions& options) {
  return std::min(loader.samples(), loader.batches_per_epoch() * options.batch_size);
}

// Writes rows and shows progress as batches come.
std::function<void(const Batch&, const TensorMap&)> watcher(PredictionsFile* file, int64_t batches) {
  const auto progress = std::make_shared<Progress>();
  return [file, progress, state = ProgressState{.steps = batches}](const Batch& batch,
                                                                   const TensorMap& outputs) mutable {
    if (file != nullptr) file->add(batch, outputs);
    state.step += 1;
    state.samples += batch.size;
    if (progress->on_terminal()) progress->update(state);
    if (state.step == state.steps) progress->clear();
  };
}

Report run_model(LoadedModel& loaded, const Dataset& dataset, const Evaluator& evaluator,
                 const EvaluationOptions& options, at::Device device) {
  auto source = dataset.open(options.split);
  if (source->size() == 0)
    throw usage_error({.where = loaded.job.dataset().path,
                       .what = text("the split '", split_name(options.split), "' has no samples")});
  const auto objective = loaded.job.objective.make(loaded.spec);
  check_labels(*objective, dataset.spec(), loaded.job.objective.name());
  LoaderOptions loader_options = evaluation_options(loaded.job.dataset().loader);
  loader_options.batch_size = std::min(loader_options.batch_size, source->size());
  const auto mirrored = options.mirror ? average_with_mirror(*loaded.model, loaded.spec) : nullptr;
  ChunkDataLoader loader(std::move(source), dataset.spec(), loader_options, 0, device);
  std::optional<PredictionsFile> file;
  if (!options.predictions_path.empty())
    file.emplace(options.predictions_path, samples_given(loader, loader_options), options.with_inputs);
  JudgeOptions judge_options{.parts = {.tables = true, .pictures = !options.pictures_path.empty()},
                             .train_labels = [&] { return read_labels(dataset, Split::kTrain); }};
  judge_options.predict.autocast = autocast_type(parse_precision(loaded.job.trainer.precision, device));
  judge_options.predict.on_batch = watcher(file ? &*file : nullptr, loader.batches_per_epoch());
  Judgement judgement =
      judge(mirrored ? *mirrored : *loaded.model, loader, *objective, &evaluator, judge_options);
  if (!judgement.complete)
    throw Error({.what = "interrupted; no report was written"}, ExitCode::kInterrupted);
  if (file) file->commit();
  return std::move(judgement.report);
}

std::string with_origin(const std::string& report, LoadedModel& loaded, const EvaluationOptions& options,
                        at::Device device) {
  nlohmann::ordered_json json{{"checkpoint", loaded.checkpoint},
                              {"step", loaded.step},
                              {"data", loaded.job.dataset().path},
                              {"split", split_name(options.split)},
                              {"device", device.str()},
                              {"precision", loaded.job.trainer.precision}};
  if (options.mirror) json["tta"] = "mirror";
  json.update(nlohmann::ordered_json::parse(report));
  return json.dump(2) + "\n";
}

}  // namespace

Report evaluate_model(LoadedModel& loaded, const EvaluationOptions& options, at::Device device) {
  const auto dataset = loaded.job.data.make();
  check_same_inputs(loaded.spec, dataset->spec(), loaded.job.dataset().path);
  // How labels overlap is a fact of the data that is judged, not of that which was trained on.
  DataSpec judged = loaded.spec;
  judged.label_overlap = dataset->spec().label_overlap;
  const auto evaluator = loaded.job.evaluator.make(judged);
  Report report = run_model(loaded, *dataset, *evaluator, options, device);
  if (!report.pictures.empty()) save_pictures(options.pictures_path, report.pictures);
  if (report.pictures.empty() && !options.pictures_path.empty())
    log_warning(text("the evaluator '", loaded.job.evaluator.name(), "' draws no pictures"));
  report.json = with_origin(report.json, loaded, options, device);
  report.table = text(loaded.checkpoint, ", step ", loaded.step, "\n", loaded.job.dataset().path, ", split ",
                      split_name(options.split), options.mirror ? ", averaged with its mirror image: " : ": ",
                      report.table);
  return report;
}

TensorMap read_labels(const Dataset& dataset, Split split) {
  const auto source = dataset.open(split);
  const int64_t samples = source->size();
  std::vector<int64_t> all(samples);
  std::iota(all.begin(), all.end(), 0);
  std::vector<SlotArray> slots(source->arrays().size());
  TensorMap labels;
  const size_t inputs = dataset.spec().inputs.size();
  for (size_t i = 0; i < dataset.spec().labels.size() && samples > 0; ++i) {
    const TensorSpec& spec = source->arrays()[inputs + i];
    std::vector<int64_t> shape = spec.shape;
    shape.insert(shape.begin(), samples);
    const at::Tensor values = at::empty(shape, spec.dtype);
    const auto sample_bytes = static_cast<int64_t>(values.nbytes()) / samples;
    slots[inputs + i] = {static_cast<char*>(values.mutable_data_ptr()), sample_bytes, samples, 0};
    labels.set(spec.name, values);
  }
  ThreadPool pool(0);
  source->read(all, slots, pool);
  return labels;
}

void check_same_inputs(const DataSpec& trained, const DataSpec& given, const std::string& where) {
  for (const TensorSpec& input : trained.inputs) {
    const TensorSpec* found = given.find_input(input.name);
    if (found == nullptr)
      throw usage_error(
          {.where = where, .what = text("the data has no input '", input.name, "', which the model needs")});
    if (found->shape != input.shape)
      throw usage_error({.where = text(where, ": ", input.name),
                         .what = "the model was trained on samples of another shape",
                         .expected = shape_text(input.shape),
                         .got = shape_text(found->shape),
                         .hint = "prepare the data with the windows and features of the training"});
  }
  if (trained.feature_names.size() != given.feature_names.size())
    return;  // shapes agreed: the names say no more
  for (size_t i = 0; i < trained.feature_names.size(); ++i)
    if (trained.feature_names[i] != given.feature_names[i])
      throw usage_error({.where = where,
                         .what = text("feature ", i, " is not what the model was trained on"),
                         .expected = text("'", trained.feature_names[i], "'"),
                         .got = text("'", given.feature_names[i], "'"),
                         .hint = "prepare the data with the features of the training"});
}

}  // namespace athanor
