#include "tools/encode/encode_job.h"

#include <ATen/Parallel.h>
#include <c10/core/InferenceMode.h>

#include <chrono>
#include <filesystem>

#include "data/vectors/vector_store.h"
#include "src/core/device.h"
#include "src/core/error.h"
#include "src/core/progress.h"
#include "src/core/stop.h"
#include "src/core/text.h"
#include "src/core/thread_pool.h"
#include "tools/encode/vector_maker.h"

namespace athanor {
namespace {

namespace fs = std::filesystem;

std::string identity_of(const EncodeOptions& options) {
  const auto place = [](const std::string& path) { return fs::absolute(path).lexically_normal().string(); };
  return text("model ", place(options.model), ", ", inputs_text(options.input_kind, 2), " of ",
              place(options.input), ", mode ", options.mode == VectorMode::kMulti ? "multi" : "single",
              ", kind ", static_cast<int>(options.kind), ", prompt ",
              options.prompt ? "'" + *options.prompt + "'" : "of the model", ", ", options.precision);
}

}  // namespace

std::string inputs_text(InputKind kind, int64_t count) {
  const std::string one = kind == InputKind::kTexts ? "text" : kind == InputKind::kImages ? "image" : "pair";
  return count == 1 ? one : one + "s";
}

EncodeCounts encode(const EncodeOptions& options) {
  const at::Device device = resolve_device(options.device);
  const EncoderPrecision precision = encoder_precision(options.precision);
  InputLines inputs(options.input_kind, options.input);
  Encoder encoder(options.model);
  if (options.input_kind != InputKind::kImages && !encoder.reads_text())
    throw usage_error({options.model, "reads no text", "", "", "--images"});
  if (options.input_kind != InputKind::kTexts && !encoder.sees_images())
    throw usage_error({options.model, "sees no images", "", "", "--text"});
  // Before the model is loaded onto a device: what cannot be made is refused first.
  const int64_t width = encoder.width(options.input_kind, options.mode, options.kind);
  ThreadPool pool(static_cast<int>(at::get_num_threads()) - 1);
  VectorMaker maker(options, encoder, device, pool);
  VectorStore store({.output = options.output,
                     .identity = identity_of(options),
                     .width = width,
                     .several = has_several(options),
                     .resume = options.resume});
  encoder.prepare(device, precision);
  EncodeCounts counts;
  counts.resumed = store.done();
  inputs.skip(store.done());
  const auto start = std::chrono::steady_clock::now();
  const c10::InferenceMode no_gradients;
  Progress progress;
  const std::string unit = inputs_text(options.input_kind, 2);
  ProgressState state;
  for (;;) {
    std::vector<EncodeInput> window = inputs.next(maker.window());
    if (window.empty()) break;
    if (stop_requested()) throw Error({options.output, "stopped; go on with --resume"});
    const Vectors vectors = maker.encode(window);
    store.append(vectors.rows.const_data_ptr<float>(), vectors.counts);
    counts.inputs += static_cast<int64_t>(window.size());
    state = {.step = store.done(), .steps = inputs.size(), .samples = counts.inputs, .unit = unit.c_str()};
    progress.update(state);
  }
  if (counts.inputs > 0) progress.finish(state);
  store.finish();
  counts.skipped = maker.skipped();
  counts.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return counts;
}

}  // namespace athanor
