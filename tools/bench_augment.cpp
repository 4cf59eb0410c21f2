// athanor bench augment: milliseconds to augment a batch of pictures and masks as training does. Alone it
// compares with a copy of as many bytes, the kernels with each other, and bf16 with fp32; with --serve it
// runs a round for each line on stdin, so that scripts/bench_augment.py can alternate it with the Python
// rivals.
#include <ATen/Parallel.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/tensor.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cmath>
#include <cstring>
#include <iostream>
#include <memory>

#include "data/augment/augmentation.h"
#include "data/images/face_classes.h"
#include "src/core/config.h"
#include "src/core/random.h"
#include "src/core/text.h"
#include "src/core/thread_pool.h"
#include "src/ops/augment_rows.h"
#include "tools/bench.h"

namespace athanor {
namespace {

struct AugmentBenchFlags {
  int64_t batch = 32, height = 512, width = 512, threads = 0;
  std::string policy = "standard", serve;
  int rounds = 6;
  bool json = false;
};

// Of one batch: the mean of as many as half a second holds, as in scripts/rivals/augment.py.
double ms_of(const std::function<void()>& run) {
  constexpr double kRoundMs = 500;
  const auto start = std::chrono::steady_clock::now();
  double gone = 0;
  int batches = 0;
  for (; gone < kRoundMs; ++batches) {
    run();
    gone = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
  }
  return gone / batches;
}

// A batch of noise: no step's time depends on the values.
Batch noise_batch(const AugmentBenchFlags& flags) {
  Rng random(7);
  Batch batch;
  const at::Tensor image = at::empty({flags.batch, 3, flags.height, flags.width}, at::kByte),
                   mask = at::empty({flags.batch, flags.height, flags.width}, at::kByte);
  for (int64_t i = 0; i < image.numel(); ++i)
    image.mutable_data_ptr<uint8_t>()[i] = static_cast<uint8_t>(random.next());
  for (int64_t i = 0; i < mask.numel(); ++i)
    mask.mutable_data_ptr<uint8_t>()[i] = static_cast<uint8_t>(random.below(19));
  batch.inputs.set("image", image);
  batch.labels.set("mask", mask);
  batch.size = flags.batch;
  for (int64_t i = 0; i < flags.batch; ++i) batch.samples.push_back(i);
  return batch;
}

// What training does to a batch: the job section `augment` with this policy; every round draws anew.
class Product {
 public:
  Product(const AugmentBenchFlags& flags, int64_t threads, const Batch& batch) : batch_(batch) {
    struct Job {
      AugmentationChoice augment{augmentation_components(), "images"};
      void list_fields(Fields& fields) { fields.choice("augment", augment, "what training does to a batch"); }
    } job;
    read_config("",
                {"augment.name=images", "augment.policy=" + flags.policy, text("augment.threads=", threads)},
                fields_of(job));
    DataSpec spec;
    spec.inputs = {{"image", {3, flags.height, flags.width}, at::kByte}};
    spec.labels = {{"mask", {flags.height, flags.width}, at::kByte}};
    spec.constants = {{"mean/image", at::tensor({0.485F, 0.456F, 0.406F})},
                      {"std/image", at::tensor({0.229F, 0.224F, 0.225F})}};
    spec.class_names = face_class_names();
    for (int64_t id = 0; id < kFaceClasses; ++id) spec.class_mirrors.push_back(id);
    for (const int left : {kLeftEye, kLeftBrow, kLeftEar})  // change places with the right ones in a flip
      std::swap(spec.class_mirrors[static_cast<size_t>(left)],
                spec.class_mirrors[static_cast<size_t>(left) + 1]);
    augmentation_ = job.augment.make(spec);
  }
  double round() {
    return ms_of([&] { augmentation_->apply(batch_, 1, epoch_++); });
  }
  std::string describe() const { return augmentation_->describe(0); }

 private:
  Batch batch_;
  std::unique_ptr<Augmentation> augmentation_;
  int64_t epoch_ = 0;
};

// The floor: as many bytes as a batch is read and written, copied.
class Copy {
 public:
  Copy(const Batch& batch, int64_t threads) : pool_(static_cast<int>(threads - 1)), threads_(threads) {
    const int64_t pixels = batch.labels.at("mask").numel();
    bytes_ = pixels * (3 + 1 + 3 * static_cast<int64_t>(sizeof(float)) + 1);
    from_.assign(static_cast<size_t>(bytes_ / 2), 1);
    to_.assign(from_.size(), 2);
  }
  double round() {
    return ms_of([&] {
      const auto part = static_cast<int64_t>(from_.size()) / threads_;
      pool_.parallel_for(threads_, [&](int64_t i) {
        std::memcpy(to_.data() + i * part, from_.data() + i * part, static_cast<size_t>(part));
      });
    });
  }
  double bytes() const { return static_cast<double>(bytes_); }

 private:
  ThreadPool pool_;
  int64_t threads_, bytes_ = 0;
  std::vector<char> from_, to_;
};

// One kernel into memory that is kept: without drawing and without asking for a result's memory. Half of the
// pictures are turned and scaled, half of them change in brightness and contrast, as in policy standard.
class Kernel {
 public:
  Kernel(const AugmentKernel& kernel, const Batch& batch, int64_t threads, PixelType type)
      : kernel_(kernel), pool_(static_cast<int>(threads - 1)), batch_(batch), type_(type) {
    const at::Tensor& image = batch.inputs.at("image");
    shape_ = {batch.size, image.size(2), image.size(3), image.size(2), image.size(3)};
    out_.resize(static_cast<size_t>(image.numel()));
    mask_.resize(static_cast<size_t>(image.numel() / 3));
    for (int64_t i = 0; i < batch.size; ++i) changes_.push_back(change(i));
  }
  double round() {
    return ms_of([&] {
      augment_images_by(kernel_,
                        {.shape = shape_,
                         .image = batch_.inputs.at("image").const_data_ptr<uint8_t>(),
                         .mask = batch_.labels.at("mask").const_data_ptr<uint8_t>(),
                         .changes = changes_.data(),
                         .out_image = out_.data(),
                         .out_mask = mask_.data(),
                         .out_type = type_},
                        AugmentRule{}, pool_);
    });
  }

 private:
  PictureChange change(int64_t i) const {
    PictureChange out;
    const double angle = 0.01 * static_cast<double>(i), c = std::cos(angle), s = std::sin(angle);
    const double half = static_cast<double>(shape_.width) / 2;
    if (i % 2 == 0) out.map = {c, s, half - c * half - s * half, -s, c, half + s * half - c * half};
    if (i % 4 < 2) out.brightness = 1.1F, out.contrast = 0.9F;
    return out;
  }

  const AugmentKernel& kernel_;
  ThreadPool pool_;
  Batch batch_;
  PixelType type_;
  AugmentShape shape_;
  std::vector<float> out_;
  std::vector<uint8_t> mask_;
  std::vector<PictureChange> changes_;
};

std::string shape_of(const AugmentBenchFlags& flags) {
  return text(flags.batch, "x3x", flags.height, "x", flags.width, " uint8 + mask");
}

std::string threads_of(int64_t threads) { return text(threads, threads == 1 ? "_thread" : "_threads"); }

void measure_product(const AugmentBenchFlags& flags, const Batch& batch, int64_t threads) {
  Product product(flags, threads, batch);
  Copy copy(batch, threads);
  const auto times = alternate(flags.rounds, {[&] { return product.round(); }, [&] { return copy.round(); }});
  Measurement out;
  out.ours = {"augment/" + flags.policy + "/" + threads_of(threads), times[0]};
  out.shape = shape_of(flags) + ": " + product.describe();
  out.threads = static_cast<int>(threads);
  out.samples = static_cast<double>(flags.batch);
  out.compared_with = {{"a copy of as many bytes", times[1]}};
  const double copy_ms = out.compared_with[0].median_ms();
  out.more = {{"copy_gb_per_s", copy.bytes() / copy_ms / 1e6},
              {"times_the_copy", out.ours.median_ms() / copy_ms}};
  print_measurement(out, flags.json);
}

void measure_kernels(const AugmentBenchFlags& flags, const Batch& batch, int64_t threads) {
  std::vector<std::unique_ptr<Kernel>> kernels;
  std::vector<std::string> names;
  const auto add = [&](const AugmentKernel& kernel, PixelType type, const std::string& name) {
    kernels.push_back(std::make_unique<Kernel>(kernel, batch, threads, type));
    names.push_back(name);
  };
  for (const AugmentKernel* kernel : augment_kernels()) add(*kernel, PixelType::kFloat32, kernel->name);
  add(*augment_kernels().front(), PixelType::kBFloat16,
      std::string(augment_kernels().front()->name) + " to bf16");
  std::vector<std::function<double()>> sides;
  sides.reserve(kernels.size());
  for (const auto& kernel : kernels) sides.emplace_back([&kernel] { return kernel->round(); });
  const auto times = alternate(flags.rounds, sides);
  Measurement out;
  out.ours = {"augment/kernel/" + names[0] + "/" + threads_of(threads), times[0]};
  out.shape = shape_of(flags);
  out.threads = static_cast<int>(threads);
  out.samples = static_cast<double>(flags.batch);
  for (size_t i = 1; i < names.size(); ++i) out.compared_with.push_back({names[i], times[i]});
  print_measurement(out, flags.json);
}

// One thread and two, alternating: what the second thread brings.
void measure_threads(const AugmentBenchFlags& flags, const Batch& batch) {
  Product one(flags, 1, batch), two(flags, 2, batch);
  const auto times = alternate(flags.rounds, {[&] { return two.round(); }, [&] { return one.round(); }});
  Measurement out;
  out.ours = {"augment/" + flags.policy + "/scaling", times[0]};
  out.shape = shape_of(flags);
  out.threads = 2;
  out.samples = static_cast<double>(flags.batch);
  out.compared_with = {{"the same, one thread", times[1]}};
  print_measurement(out, flags.json);
}

// "ready SHAPE"; then each line "round" gives its milliseconds.
void serve(const AugmentBenchFlags& flags, const Batch& batch) {
  const int64_t threads = std::max<int64_t>(1, flags.threads);
  Product product(flags, threads, batch);
  Copy copy(batch, threads);
  std::cout << "ready " << shape_of(flags) << ": " << product.describe() << std::endl;
  for (std::string line; std::getline(std::cin, line) && line == "round";)
    std::cout << decimals(flags.serve == "copy" ? copy.round() : product.round(), 4) << std::endl;
}

void run_augment_bench(const AugmentBenchFlags& flags) {
  at::set_num_threads(static_cast<int>(std::max<int64_t>(1, flags.threads)));
  const Batch batch = noise_batch(flags);
  if (!flags.serve.empty()) return serve(flags, batch);
  const std::vector<int64_t> threads =
      flags.threads > 0 ? std::vector<int64_t>{flags.threads} : std::vector<int64_t>{1, 2};
  for (const int64_t count : threads) measure_product(flags, batch, count);
  for (const int64_t count : threads) measure_kernels(flags, batch, count);
  if (flags.threads == 0) measure_threads(flags, batch);
}

}  // namespace

void add_augment_bench(CLI::App& bench) {
  auto flags = std::make_shared<AugmentBenchFlags>();
  CLI::App* augment = bench.add_subcommand("augment", "Augmenting batches of pictures and masks");
  augment->add_flag("--json", flags->json, "one JSON object a measurement");
  augment->add_option("--rounds", flags->rounds, "measured rounds of each side")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  augment->add_option("--threads", flags->threads, "threads; 0: one, and then two")
      ->capture_default_str()
      ->check(CLI::NonNegativeNumber);
  augment->add_option("--policy", flags->policy, "augment.policy")->capture_default_str();
  augment->add_option("--batch", flags->batch, "pictures a batch")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  augment->add_option("--height", flags->height, "pixels")->capture_default_str()->check(CLI::PositiveNumber);
  augment->add_option("--width", flags->width, "pixels")->capture_default_str()->check(CLI::PositiveNumber);
  augment
      ->add_option("--serve", flags->serve,
                   "one round for each line `round` on stdin: of the product, or a copy of as many bytes")
      ->check(CLI::IsMember({"product", "copy"}));
  augment->footer("Example: athanor bench augment --json --policy strong");
  augment->callback([flags] { run_augment_bench(*flags); });
}

}  // namespace athanor
