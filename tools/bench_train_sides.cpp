// Training steps on random data, by the Trainer and by a bare loop.
#include <ATen/Context.h>
#include <ATen/ops/_fused_adamw.h>
#include <ATen/ops/mse_loss.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/zeros_like.h>
#include <torch/nn/modules/activation.h>
#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/modules/linear.h>

#include <chrono>
#include <cstring>

#include "data/chunk_loader.h"
#include "data/images/face_classes.h"
#include "src/core/config.h"
#include "src/core/random.h"
#include "src/core/text.h"
#include "tools/bench_train.h"
#include "trainers/job.h"
#include "trainers/trainer.h"

namespace athanor {
namespace {

constexpr int64_t kFeatures = 16, kTinyFeatures = 32;
const IntMap kWindows = {{"M1", 480}, {"M5", 288}, {"M15", 192}, {"H1", 96}, {"H4", 48}};

double ms_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
}

// Random samples: floats are normal, labels of classes 0 to 2, bytes the pixels of images or of masks.
class MemorySource : public SampleSource {
 public:
  MemorySource(const DataSpec& spec, int64_t samples) : samples_(samples), arrays_(spec.inputs) {
    arrays_.insert(arrays_.end(), spec.labels.begin(), spec.labels.end());
    Rng random(5);
    for (const TensorSpec& array : arrays_) {
      int64_t numbers = samples;
      for (const int64_t length : array.shape) numbers *= length;
      std::vector<char> bytes(numbers * at::elementSize(array.dtype));
      for (int64_t i = 0; i < numbers; ++i) {
        if (array.dtype == at::kByte)
          put(bytes, i, static_cast<uint8_t>(random.below(array.shape.size() == 3 ? 256 : kFaceClasses)));
        else if (array.dtype == at::kLong)
          put(bytes, i, static_cast<int64_t>(random.below(3)));
        else
          put(bytes, i, static_cast<float>(random.normal()));
      }
      bytes_.push_back(std::move(bytes));
    }
  }
  int64_t size() const override { return samples_; }
  const std::vector<TensorSpec>& arrays() const override { return arrays_; }
  void read(std::span<const int64_t> samples, const std::vector<SlotArray>& slots,
            ThreadPool&) const override {
    for (size_t array = 0; array < slots.size(); ++array) {
      const size_t bytes = bytes_[array].size() / samples_;
      for (size_t j = 0; j < samples.size(); ++j)
        std::memcpy(slots[array].slot(j), bytes_[array].data() + samples[j] * bytes, bytes);
    }
  }

 private:
  template <class T>
  static void put(std::vector<char>& bytes, int64_t i, T value) {
    std::memcpy(bytes.data() + i * sizeof(T), &value, sizeof(T));
  }
  int64_t samples_;
  std::vector<TensorSpec> arrays_;
  std::vector<std::vector<char>> bytes_;
};

DataSpec make_spec(const StepCase& one) {
  DataSpec spec;
  if (one.name == "tiny") {
    spec.inputs = {{"x", {kTinyFeatures}}};
    spec.labels = {{"y", {}}};
    return spec;
  }
  if (one.name == "faces") {
    spec.inputs = {{"image", {3, one.size_px, one.size_px}, at::kByte}};
    spec.labels = {{"mask", {one.size_px, one.size_px}, at::kByte}};
    spec.class_names = face_class_names();
    return spec;
  }
  for (const auto& [name, window] : kWindows) spec.inputs.push_back({name, {window, kFeatures}});
  spec.labels = {{"direction", {}, at::kLong},
                 {"magnitude", {}},
                 {"magnitude_scalp", {}},
                 {"magnitude_swing", {}},
                 {"trend", {}}};
  return spec;
}

std::vector<std::string> job_settings(const StepCase& one, LstmWay way) {
  std::vector<std::string> settings = {text("trainer.max_steps=", one.steps), "trainer.max_epochs=0",
                                       "trainer.precision=" + one.precision};
  if (one.name == "tiny") {
    for (const char* setting : {"model.name=mlp", "model.hidden=[64,64]", "model.outputs={y: 1}",
                                "objective.name=mse", "objective.output=y", "objective.label=y"})
      settings.emplace_back(setting);
    return settings;
  }
  if (one.name == "faces") {
    settings.insert(settings.end(), {"model.name=micro_segformer", "objective.name=segmentation"});
    return settings;
  }
  settings.emplace_back("model.name=multi_timeframe_lstm");
  settings.push_back(text("model.hidden=", one.hidden));
  settings.push_back(text("model.fused_lstm=", way == LstmWay::kAtLstm ? "false" : "true"));
  settings.push_back(text("model.checkpoint_activations=", way == LstmWay::kRecomputed ? "true" : "false"));
  settings.push_back(one.name == "attention" ? "model.fusion=attention" : "model.fusion=mean");
  settings.push_back(one.name == "attention" ? "objective.name=multi_head"
                                             : "objective.name=direction_magnitude");
  return settings;
}

// The parts of a job on random data; a round is a new Trainer's run over the same model.
class TrainerSide {
 public:
  TrainerSide(const StepCase& one, LstmWay way)
      : case_(one), job_(load_job("", job_settings(one, way))), spec_(make_spec(one)) {
    at::manual_seed(1);
    model_ = job_.model.make(spec_);
    objective_ = job_.objective.make(spec_);
    LoaderOptions options;
    options.batch_size = one.batch;
    options.order = "sequential";
    loader_ = std::make_unique<ChunkDataLoader>(std::make_unique<MemorySource>(spec_, one.batch * one.steps),
                                                spec_, options, 1, at::kCPU);
  }

  double round() {
    Trainer trainer(job_.trainer, job_.optimizer, job_.schedule, 1, at::kCPU,
                    {*model_, *objective_, *loader_});
    const auto start = std::chrono::steady_clock::now();
    trainer.run(nullptr);
    return ms_since(start) / static_cast<double>(case_.steps);
  }

 private:
  StepCase case_;
  JobConfig job_;
  DataSpec spec_;
  std::unique_ptr<Model> model_;
  std::unique_ptr<Objective> objective_;
  std::unique_ptr<ChunkDataLoader> loader_;
};

class BareSide {
 public:
  explicit BareSide(const StepCase& one)
      : case_(one),
        net_(torch::nn::Linear(kTinyFeatures, 64), torch::nn::ReLU(), torch::nn::Linear(64, 64),
             torch::nn::ReLU(), torch::nn::Linear(64, 1)),
        x_(at::randn({one.steps * one.batch, kTinyFeatures})),
        y_(at::randn({one.steps * one.batch, 1})),
        weights_(net_->parameters()),
        steps_(weights_.size(), at::zeros({}, at::kFloat)) {
    for (const at::Tensor& weight : weights_) {
      first_.push_back(at::zeros_like(weight));
      second_.push_back(at::zeros_like(weight));
    }
  }

  double round() {
    const auto start = std::chrono::steady_clock::now();
    for (int64_t i = 0; i < case_.steps; ++i) step(i);
    return ms_since(start) / static_cast<double>(case_.steps);
  }

 private:
  void step(int64_t i) {
    const at::Tensor x = x_.narrow(0, i * case_.batch, case_.batch),
                     y = y_.narrow(0, i * case_.batch, case_.batch);
    at::mse_loss(net_->forward(x), y).backward();
    const at::NoGradGuard no_grad;
    std::vector<at::Tensor> grads;
    for (at::Tensor& weight : weights_) grads.push_back(weight.grad());
    steps_[0].add_(1);  // one counter, shared
    at::_fused_adamw_(weights_, grads, first_, second_, {}, steps_, 1e-3, 0.9, 0.999, 0.01, 1e-8, false,
                      false);
    for (at::Tensor& weight : weights_) weight.mutable_grad() = at::Tensor();
  }

  StepCase case_;
  torch::nn::Sequential net_;
  at::Tensor x_, y_;
  std::vector<at::Tensor> weights_, first_, second_, steps_;
};

}  // namespace

std::string step_shape(const StepCase& one) {
  if (one.name == "tiny") return text("32-64-64-1, batch ", one.batch);
  if (one.name == "faces")
    return text("MicroSegFormer, 3x", one.size_px, "x", one.size_px, ", batch ", one.batch);
  return text("5 timeframes 480+288+192+96+48 x ", kFeatures, ", hidden ", one.hidden, ", batch ", one.batch);
}

std::function<double()> make_trainer_side(const StepCase& one, LstmWay way) {
  const auto side = std::make_shared<TrainerSide>(one, way);
  return [side] { return side->round(); };
}

std::function<double()> make_bare_side(const StepCase& one) {
  const auto side = std::make_shared<BareSide>(one);
  return [side] { return side->round(); };
}

}  // namespace athanor
