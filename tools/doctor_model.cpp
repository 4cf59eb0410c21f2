// `athanor doctor --model`: whether a Hugging Face folder can be encoded with, how fast, and that a vector
// does not depend on its batch.
#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <c10/core/InferenceMode.h>

#include <chrono>
#include <functional>
#include <memory>

#include "data/text/tokenizer.h"
#include "src/core/device.h"
#include "src/core/error.h"
#include "src/core/text.h"
#include "src/core/thread_pool.h"
#include "tools/doctor.h"
#include "tools/encode/vector_maker.h"
#include "tools/sample_inputs.h"

namespace athanor {
namespace {

using Status = Finding::Status;
using Clock = std::chrono::steady_clock;

constexpr double kMeasure_s = 1.0;
constexpr size_t kInputs = 64;
constexpr double kBatchTolerance = 1e-6;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// What a model may be given, with inputs to try it on.
struct Trial {
  InputKind kind;
  std::vector<EncodeInput> inputs;
};

std::vector<Trial> trials_of(const Encoder& encoder, const ScratchFolder& scratch) {
  const std::vector<EncodeInput> texts = sample_texts();
  std::vector<EncodeInput> images;
  if (encoder.sees_images()) images = save_images(sample_images(), scratch);
  const auto fill = [](const std::function<EncodeInput(size_t)>& input) {
    std::vector<EncodeInput> inputs;
    for (size_t i = 0; i < kInputs; ++i) inputs.push_back(input(i));
    return inputs;
  };
  const auto text_at = [&](size_t i) { return texts[i % texts.size()].text; };
  const auto image_at = [&](size_t i) { return images[i % images.size()].image; };
  std::vector<Trial> trials;
  if (encoder.reads_text())
    trials.push_back({InputKind::kTexts, fill([&](size_t i) { return EncodeInput{.text = text_at(i)}; })});
  if (encoder.sees_images())
    trials.push_back({InputKind::kImages, fill([&](size_t i) { return EncodeInput{.image = image_at(i)}; })});
  if (encoder.fuses_pairs())
    trials.push_back({InputKind::kPairs,
                      fill([&](size_t i) { return EncodeInput{.text = text_at(i), .image = image_at(i)}; })});
  return trials;
}

// A model on a device.
class Patient {
 public:
  Patient(const std::string& model, at::Device device)
      : model_(model), device_(device), pool_(static_cast<int>(at::get_num_threads()) - 1), encoder_(model) {}
  Encoder& encoder() { return encoder_; }
  void prepare() { encoder_.prepare(device_); }

  at::Tensor encode(std::vector<EncodeInput> inputs, InputKind kind, int64_t batch = 0) {
    EncodeOptions options;
    options.model = model_;
    options.input_kind = kind;
    options.mode = encoder_.joint() == nullptr ? VectorMode::kSingle : VectorMode::kMulti;
    options.batch = batch;
    return VectorMaker(options, encoder_, device_, pool_).encode(inputs).rows;
  }

  // "512.3 texts a second"; the first batches warm up.
  std::string speed(const Trial& trial) {
    const std::vector<EncodeInput> few(trial.inputs.begin(), trial.inputs.begin() + 4);
    encode(few, trial.kind);
    const auto warm = Clock::now();
    encode(few, trial.kind);
    // A slow model is not given a minute's work.
    const bool is_slow = seconds_since(warm) > kMeasure_s / 8;
    const std::vector<EncodeInput>& inputs = is_slow ? few : trial.inputs;
    const auto start = Clock::now();
    size_t count = 0;
    for (; count == 0 || seconds_since(start) < kMeasure_s; count += inputs.size())
      encode(inputs, trial.kind);
    return decimals(static_cast<double>(count) / seconds_since(start), 1) + " " + inputs_text(trial.kind, 2) +
           " a second";
  }

 private:
  std::string model_;
  at::Device device_;
  ThreadPool pool_;
  Encoder encoder_;
};

// The first few inputs, alone and among all.
Finding batch_finding(Patient& patient, const Trial& trial) {
  const std::vector<EncodeInput> few(trial.inputs.begin(), trial.inputs.begin() + 6);
  const at::Tensor alone = patient.encode(few, trial.kind, 1);
  const at::Tensor among = patient.encode(trial.inputs, trial.kind).narrow(0, 0, alone.size(0));
  const double worst = (alone - among).abs().max().item<double>();
  char digits[32];
  std::snprintf(digits, sizeof digits, "%.1e", worst);
  const bool holds = worst <= kBatchTolerance;
  return {inputs_text(trial.kind, 2) + ", batch",
          text("alone and in batches of ", trial.inputs.size(), ": ", digits, " apart at most"),
          holds ? Status::kOk : Status::kFailed,
          holds ? "" : "report it: vectors must not depend on their batch"};
}

Finding model_finding(Patient& patient, double seconds) {
  int64_t parameters = 0;
  for (const at::Tensor& parameter : patient.encoder().parameters()) parameters += parameter.numel();
  const Encoder& encoder = patient.encoder();
  const std::string does = encoder.fuses_pairs()                           ? "texts, images and pairs"
                           : encoder.reads_text() && encoder.sees_images() ? "texts and images"
                           : encoder.reads_text()                          ? "texts"
                                                                           : "images";
  return {"model", text(does, ", ", parameters, " parameters, read in ", decimals(seconds, 2), " s"),
          Status::kOk, ""};
}

Finding tokenizer_finding(const Encoder& encoder) {
  const auto tokenizer = read_tokenizer(encoder.text_folder());
  const bool fits = tokenizer->ids() <= encoder.text().ids();
  return {"tokenizer",
          text(tokenizer->kind(), " of ", tokenizer->ids(), " tokens, for a model of ", encoder.text().ids()),
          fits ? Status::kOk : Status::kFailed,
          fits ? "" : "take the tokenizer.json that came with this model"};
}

void add_device(const std::string& model, at::Device device, bool with_facts,
                std::vector<Finding>& findings) {
  const auto start = Clock::now();
  Patient patient(model, device);
  if (with_facts) {
    findings.push_back(model_finding(patient, seconds_since(start)));
    if (patient.encoder().reads_text()) findings.push_back(tokenizer_finding(patient.encoder()));
    if (findings.back().status == Status::kFailed) return;
  }
  patient.prepare();
  const ScratchFolder scratch("doctor");
  const std::string where = device.is_cpu() ? text("CPU, ", at::get_num_threads(), " threads") : "GPU";
  for (const Trial& trial : trials_of(patient.encoder(), scratch)) {
    findings.push_back({inputs_text(trial.kind, 2) + ", speed", where + ": " + patient.speed(trial)});
    findings.push_back(batch_finding(patient, trial));
  }
}

}  // namespace

std::vector<Finding> examine_model(const std::string& model) {
  std::vector<Finding> findings;
  const c10::InferenceMode no_gradients;
  try {
    add_device(model, at::kCPU, true, findings);
    const at::Device device = resolve_device("auto");
    if (device.is_cpu())
      findings.push_back({"GPU, speed", "none here to compare with"});
    else
      add_device(model, device, false, findings);
  } catch (const Error& error) {
    findings.push_back(
        {"model", error.what(), Status::kFailed, "see docs/encoders.md for what a folder holds"});
  }
  return findings;
}

}  // namespace athanor
