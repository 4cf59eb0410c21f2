// Labels are the sign and size of the inputs' mean, so that small models learn them in a few steps.
#include "tests/trainers/toy.h"

#include <ATen/Parallel.h>
#include <unistd.h>

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "src/core/config.h"
#include "src/core/log.h"
#include "src/core/random.h"
#include "src/core/text.h"
#include "src/core/thread_pool.h"
#include "trainers/seeding.h"

namespace athanor {
namespace {

class ToySource : public SampleSource {
 public:
  ToySource(int64_t samples, uint64_t seed, int64_t bad_sample)
      : samples_(samples), seed_(seed), bad_sample_(bad_sample) {}
  int64_t size() const override { return samples_; }
  const std::vector<TensorSpec>& arrays() const override { return arrays_; }
  void read(std::span<const int64_t> samples, const std::vector<SlotArray>& slots,
            ThreadPool&) const override {
    for (size_t j = 0; j < samples.size(); ++j) write(samples[j], slots, static_cast<int64_t>(j));
  }

 private:
  void write(int64_t sample, const std::vector<SlotArray>& slots, int64_t j) const {
    Rng rng(mix_seed(seed_, static_cast<uint64_t>(sample)));
    const double drift = rng.normal();
    for (int array = 0; array < 2; ++array) {
      auto* values = reinterpret_cast<float*>(slots[array].slot(j));
      const int64_t count = slots[array].slot_bytes / static_cast<int64_t>(sizeof(float));
      for (int64_t i = 0; i < count; ++i) values[i] = static_cast<float>(drift + 0.3 * rng.normal());
      if (sample == bad_sample_ && array == 1) values[2] = std::numeric_limits<float>::quiet_NaN();
    }
    const int64_t direction = drift > 0.4 ? 2 : drift < -0.4 ? 0 : 1;
    const auto magnitude = static_cast<float>(std::abs(drift) + 0.5);
    const int64_t time = 1'600'000'000 + 60 * sample;
    std::memcpy(slots[2].slot(j), &direction, sizeof direction);
    std::memcpy(slots[3].slot(j), &magnitude, sizeof magnitude);
    std::memcpy(slots[4].slot(j), &time, sizeof time);
  }

  int64_t samples_;
  uint64_t seed_;
  int64_t bad_sample_;
  std::vector<TensorSpec> arrays_ = {{"M1", {6, 3}},
                                     {"M5", {4, 3}},
                                     {"direction", {}, at::kLong},
                                     {"magnitude", {}, at::kFloat},
                                     {"time", {}, at::kLong}};
};

// The component of a table, with settings "key=value".
template <class Choice>
void configure(Choice& choice, const std::vector<std::string>& settings) {
  read_config("", settings, [&](Fields& fields) { choice.config().list_fields(fields); });
}

}  // namespace

ToyOptions::ToyOptions() {
  loader.batch_size = 16;
  loader.threads = 1;
  trainer.max_epochs = 2;
  trainer.log_every_steps = 4;
  trainer.sanity_batches = 0;
}

DataSpec toy_spec() {
  DataSpec spec;
  spec.inputs = {{"M1", {6, 3}}, {"M5", {4, 3}}};
  spec.labels = {{"direction", {}, at::kLong}, {"magnitude", {}, at::kFloat}};
  spec.feature_names = {"a", "b", "c"};
  spec.pip = 0.0001;
  return spec;
}

std::unique_ptr<SampleSource> toy_source(int64_t samples, uint64_t seed, int64_t bad_sample) {
  return std::make_unique<ToySource>(samples, seed, bad_sample);
}

std::vector<std::string> toy_models() {
  std::vector<std::string> names;
  for (const ModelComponent& component : model_components())
    if (component.name != "micro_segformer") names.push_back(component.name);
  return names;
}

std::unique_ptr<Model> make_toy_model(const ToyOptions& options) {
  ModelChoice choice(model_components(), options.model);
  configure(choice, options.model_settings);
  seed_generators(mix_seed(static_cast<uint64_t>(options.seed), 999), at::kCPU);
  return choice.make(toy_spec());
}

std::unique_ptr<Objective> make_toy_objective(const std::string& name,
                                              const std::vector<std::string>& settings) {
  ObjectiveChoice choice(objective_components(), name);
  configure(choice, settings);
  return choice.make(toy_spec());
}

Batch ToyAugmentation::apply(const Batch& batch, uint64_t seed, int64_t epoch) const {
  Batch out = batch;
  for (auto& [name, tensor] : out.inputs) tensor = tensor.clone();
  for (int64_t i = 0; i < batch.size; ++i) {
    Rng rng(mix_seed(mix_seed(seed, epoch), batch.samples.at(static_cast<size_t>(i))));
    for (auto& [name, tensor] : out.inputs) tensor[i].add_(0.1 * rng.normal());
  }
  out.labels.set("magnitude", batch.labels.at("magnitude").add(kAugmented));
  return out;
}

Toy::Toy(const ToyOptions& options, std::unique_ptr<Objective> objective) : options_(options) {
  set_quiet(true);
  // These models are too small for threads; the runs that resume_test.cpp starts have the usual number.
  if (std::getenv("ATHANOR_TEST_JOB") == nullptr) at::set_num_threads(1);
  const auto seed = static_cast<uint64_t>(options.seed);
  parts_.model = make_toy_model(options);
  parts_.objective = objective != nullptr ? std::move(objective) : make_toy_objective(options.objective);
  parts_.train = std::make_unique<ChunkDataLoader>(toy_source(options.train_samples, 1, options.bad_sample),
                                                   toy_spec(), options.loader, seed, at::kCPU);
  LoaderOptions in_order = options.loader;
  in_order.order = "sequential";
  in_order.batch_size = std::min(in_order.batch_size, options.val_samples);
  if (options.val_samples > 0)
    parts_.validation = std::make_unique<ChunkDataLoader>(toy_source(options.val_samples, 2), toy_spec(),
                                                          in_order, seed, at::kCPU);
  if (options.augment) parts_.augmentation = std::make_unique<ToyAugmentation>();
  trainer_ =
      std::make_unique<Trainer>(options.trainer, options.optimizer, options.schedule, seed, at::kCPU,
                                TrainerParts{*parts_.model, *parts_.objective, *parts_.train,
                                             parts_.validation.get(), nullptr, parts_.augmentation.get()});
}

TrainResult Toy::run(const std::string& path, bool resume) {
  RunDir run(path, resume, "seed: 1\n", toy_spec(), options_.trainer.keep_last);
  const std::optional<Checkpoint> checkpoint = resume ? run.find_checkpoint() : std::nullopt;
  if (checkpoint) trainer_->resume(*checkpoint);
  run.begin(at::kCPU, checkpoint ? &*checkpoint : nullptr);
  return trainer_->run(&run);
}

Scratch::Scratch() {
  std::string pattern = std::filesystem::temp_directory_path() / "athanor-XXXXXX";
  path_ = ::mkdtemp(pattern.data());
}

Scratch::~Scratch() {
  set_log_file("");
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

bool same_bits(const TensorMap& a, const TensorMap& b) {
  if (a.names() != b.names()) return false;
  for (const auto& [name, tensor] : a) {
    const at::Tensor& other = b.at(name);
    if (tensor.sizes() != other.sizes() || tensor.scalar_type() != other.scalar_type()) return false;
    const at::Tensor x = tensor.detach().cpu().contiguous(), y = other.detach().cpu().contiguous();
    if (std::memcmp(x.const_data_ptr(), y.const_data_ptr(), x.nbytes()) != 0) return false;
  }
  return true;
}

}  // namespace athanor
