// Training with `masks: soft`, from augmented batches to a loss that falls.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <numeric>

#include "src/core/log.h"
#include "tests/data/augment/augment_fixtures.h"
#include "tests/trainers/toy.h"
#include "trainers/seeding.h"

using namespace athanor;
using namespace athanor::testing;

namespace {

constexpr int64_t kSide = 32;

// Pictures whose colours tell the class of each pixel: blocks of 8 pixels.
class Blocks : public SampleSource {
 public:
  int64_t size() const override { return 16; }
  const std::vector<TensorSpec>& arrays() const override { return arrays_; }
  void read(std::span<const int64_t> samples, const std::vector<SlotArray>& slots,
            ThreadPool&) const override {
    for (size_t j = 0; j < samples.size(); ++j) {
      auto* image = reinterpret_cast<uint8_t*>(slots[0].slot(static_cast<int64_t>(j)));
      auto* mask = reinterpret_cast<uint8_t*>(slots[1].slot(static_cast<int64_t>(j)));
      Rng rng(static_cast<uint64_t>(samples[j]));
      uint8_t blocks[16];
      for (uint8_t& id : blocks) id = static_cast<uint8_t>(rng.below(4));
      for (int64_t i = 0; i < kSide * kSide; ++i) {
        mask[i] = blocks[i / kSide / 8 * 4 + i % kSide / 8];
        for (int64_t c = 0; c < 3; ++c) image[c * kSide * kSide + i] = mask[i] == c ? 220 : 30;
      }
    }
  }

 private:
  std::vector<TensorSpec> arrays_ = {{"image", {3, kSide, kSide}, at::kByte},
                                     {"mask", {kSide, kSide}, at::kByte}};
};

// Keeps the losses, and the numbers of layers that came with them.
class Watched : public Objective {
 public:
  explicit Watched(std::unique_ptr<Objective> inner) : inner_(std::move(inner)) {}
  Loss compute(const TensorMap& outputs, const TensorMap& labels) const override {
    const at::Tensor& shares = labels.at("mask_shares");
    CATCH_CHECK(at::allclose(shares.sum(1), at::ones({1}), 0, 1e-5));
    layers.push_back(labels.at("mask_layers").size(1));
    Loss loss = inner_->compute(outputs, labels);
    losses.push_back(loss.total.item<double>());
    return loss;
  }
  std::vector<std::string> needed_outputs() const override { return inner_->needed_outputs(); }
  std::vector<std::string> needed_labels() const override { return inner_->needed_labels(); }

  mutable std::vector<double> losses;
  mutable std::vector<int64_t> layers;

 private:
  std::unique_ptr<Objective> inner_;
};

template <class Choice>
auto made(Choice choice, const std::vector<std::string>& settings, const DataSpec& spec) {
  read_config("", settings, [&](Fields& fields) { choice.config().list_fields(fields); });
  return choice.make(spec);
}

}  // namespace

CATCH_TEST_CASE("soft masks: a model learns from them, blended samples among them", "[unit]") {
  set_quiet(true);
  at::set_num_threads(1);
  const DataSpec spec = picture_spec(kSide, kSide);
  seed_generators(3, at::kCPU);
  const auto model = made(ModelChoice(model_components(), "micro_segformer"),
                          {"widths=[8, 8, 8, 8]", "depths=[1, 1, 1, 1]", "decoder=8"}, spec);
  const Watched objective(made(ObjectiveChoice(objective_components(), "segmentation"), {}, spec));
  const auto augmentation = make_augmentation(
      {"masks=soft", "operations=[{name: flip}, {name: rotate}, {name: mixup, p: 0.1}]"}, spec);
  ToyOptions options;
  options.loader.batch_size = 4;
  options.trainer.max_epochs = 15;
  options.trainer.sanity_batches = 0;
  options.optimizer.lr = 0.01;
  ChunkDataLoader batches(std::make_unique<Blocks>(), spec, options.loader, 1, at::kCPU);
  Trainer trainer(options.trainer, options.optimizer, options.schedule, 1, at::kCPU,
                  TrainerParts{*model, objective, batches, nullptr, nullptr, augmentation.get()});
  trainer.run(nullptr);
  CATCH_REQUIRE(objective.losses.size() == 60);
  CATCH_CHECK(std::count(objective.layers.begin(), objective.layers.end(), 4) > 10);
  CATCH_CHECK(std::count(objective.layers.begin(), objective.layers.end(), 8) > 10);
  const auto mean = [](auto first, auto last) { return std::accumulate(first, last, 0.0) / (last - first); };
  CATCH_CHECK(mean(objective.losses.end() - 10, objective.losses.end()) <
              0.8 * mean(objective.losses.begin(), objective.losses.begin() + 10));
}
