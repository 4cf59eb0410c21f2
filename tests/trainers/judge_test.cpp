// Judging a split batch by batch or gathered, the pictures that a run keeps, and the mirror.
#include "trainers/judge.h"

#include <ATen/ATen.h>

#include <catch2/catch.hpp>
#include <filesystem>

#include "data/images/draw.h"
#include "src/core/error.h"
#include "src/core/log.h"
#include "tests/trainers/toy.h"
#include "trainers/mirrored.h"
#include "trainers/pixel_classes.h"
#include "trainers/run_dir.h"

using namespace athanor;
using Catch::Matchers::Contains;

namespace {

struct Seen {
  int64_t batches = 0, samples = 0;
};

// Counts what it is given; a score and a picture that say so.
class CountingTally : public Tally {
 public:
  explicit CountingTally(Seen& seen) : seen_(seen) {}
  void add(const Batch& batch, const TensorMap& outputs) override {
    seen_.batches += 1;
    seen_.samples += outputs.at("direction").size(0);
    CATCH_CHECK(batch.labels.at("direction").size(0) == outputs.at("direction").size(0));
  }
  Report report(const Predictions& losses, const ReportParts& parts) const override {
    CATCH_CHECK(losses.outputs.empty());
    Report report{.scalars = {{"samples", static_cast<double>(seen_.samples)}, {"loss", losses.loss}}};
    if (parts.pictures) report.pictures.push_back({"dots", make_image(3, 4, 3)});
    return report;
  }

 private:
  Seen& seen_;
};

class CountingEvaluator : public Evaluator {
 public:
  explicit CountingEvaluator(bool tallies) : tallies_(tallies) {}
  std::unique_ptr<Tally> start_tally() const override {
    if (!tallies_) return nullptr;
    seen = {};
    return std::make_unique<CountingTally>(seen);
  }
  Report evaluate(const Predictions& predictions, const TensorMap& train_labels, bool) const override {
    const auto samples = static_cast<double>(predictions.outputs.at("direction").size(0));
    return {.scalars = {{"samples", samples}, {"train_labels", static_cast<double>(train_labels.size())}}};
  }
  mutable Seen seen;

 private:
  bool tallies_;
};

struct Parts {
  std::unique_ptr<Model> model = make_toy_model({});
  std::unique_ptr<Objective> objective = make_toy_objective("direction_magnitude");
  ChunkDataLoader loader{toy_source(50, 5), toy_spec(),
                         [] {
                           LoaderOptions options;
                           options.batch_size = 16;
                           options.order = "sequential";
                           return options;
                         }(),
                         0, at::kCPU};
};

CATCH_TEST_CASE("judge: a tally sees each batch once, no predictions are gathered, no train labels read",
                "[unit]") {
  Parts parts;
  const CountingEvaluator evaluator(/*tallies=*/true);
  int64_t watched = 0;
  JudgeOptions options{.parts = {.tables = true}, .train_labels = []() -> TensorMap {
                         throw std::runtime_error("train labels were read");
                       }};
  options.predict.on_batch = [&](const Batch&, const TensorMap&) { ++watched; };
  const Judgement judgement = judge(*parts.model, parts.loader, *parts.objective, &evaluator, options);
  CATCH_CHECK(evaluator.seen.batches == 4);
  CATCH_CHECK(evaluator.seen.samples == 50);
  CATCH_CHECK(watched == 4);
  CATCH_CHECK(judgement.complete);
  CATCH_REQUIRE(judgement.report.scalars.size() == 2);
  CATCH_CHECK(judgement.report.scalars[1].second == judgement.losses.loss);
  CATCH_CHECK(judgement.losses.loss ==
              predict(*parts.model, parts.loader, *parts.objective).predictions.loss);
}

CATCH_TEST_CASE("judge: other evaluators get all predictions, and train labels where tables are made",
                "[unit]") {
  Parts parts;
  const CountingEvaluator evaluator(/*tallies=*/false);
  JudgeOptions options{.parts = {.tables = true}, .train_labels = [] {
                         return TensorMap{{"a", at::zeros({1})}};
                       }};
  const auto judged = [&] {
    return judge(*parts.model, parts.loader, *parts.objective, &evaluator, options).report;
  };
  CATCH_CHECK(judged().scalars[0].second == 50);
  CATCH_CHECK(judged().scalars[1].second == 1);
  options.parts.tables = false;
  CATCH_CHECK(judged().scalars[1].second == 0);
  const Judgement none = judge(*parts.model, parts.loader, *parts.objective, nullptr, options);
  CATCH_CHECK(none.report.scalars.empty());
  CATCH_CHECK(none.losses.loss > 0);
}

CATCH_TEST_CASE("trainer: the pictures of the best evaluation lie in the run's folder", "[unit]") {
  set_quiet(true);
  const Scratch scratch;
  Parts parts, validation;
  const CountingEvaluator evaluator(/*tallies=*/true);
  TrainerConfig config;
  config.max_epochs = 2;
  config.monitor = "val/samples";
  Trainer trainer(config, {}, {}, 1, at::kCPU,
                  {*parts.model, *parts.objective, parts.loader, &validation.loader, &evaluator});
  RunDir run(scratch.path("run"), false, "seed: 1\n", toy_spec(), 1);
  run.begin(at::kCPU, nullptr);
  trainer.run(&run);
  CATCH_CHECK(std::filesystem::exists(scratch.path("run/pictures/dots.png")));
  CATCH_CHECK(load_image(scratch.path("run/pictures/dots.png")).width == 4);
}

// Says a class where the image is bright on the left half, another on the right half: in logits of each
// pixel.
class SidesModel : public Model {
 public:
  TensorMap forward(const TensorMap& inputs) override {
    const at::Tensor bright = inputs.at("image").to(at::kFloat).mean(1, /*keepdim=*/true);
    const at::Tensor left = at::arange(bright.size(3)).lt(bright.size(3) / 2).to(at::kFloat);
    return {{"logits", at::cat({1 - bright, bright * left, bright * (1 - left) + 0.25 * left}, 1)}};
  }
  TensorMap parameters() const override { return {}; }
  TensorMap buffers() const override { return {}; }
  void set_training(bool) override {}
  void to(at::Device) override {}
  torch::nn::Module& module() override { throw std::logic_error("no module"); }
};

DataSpec sides_spec() {
  DataSpec spec;
  spec.inputs = {{"image", {3, 2, 4}, at::kByte}};
  spec.class_names = {"dark", "left", "right"};
  spec.class_mirrors = {0, 2, 1};
  return spec;
}

CATCH_TEST_CASE("mirror: the mean of both, mirrored back, left and right changed", "[unit]") {
  SidesModel model;
  const TensorMap inputs{
      {"image", at::tensor({0, 1, 1, 0, 1, 0, 0, 1}, at::kByte).view({1, 1, 2, 4}).repeat({1, 3, 1, 1})}};
  const at::Tensor plain = model.forward(inputs).at("logits");
  const at::Tensor turned = model.forward({{"image", inputs.at("image").flip({3})}}).at("logits");
  const at::Tensor both = average_with_mirror(model, sides_spec())->forward(inputs).at("logits");
  const at::Tensor back = turned.flip({3});
  const at::Tensor swapped = at::cat({back.narrow(1, 0, 1), back.narrow(1, 2, 1), back.narrow(1, 1, 1)}, 1);
  CATCH_CHECK(at::equal(both, (plain + swapped) / 2));
  CATCH_CHECK_FALSE(at::equal(both, plain));
  DataSpec unnamed = sides_spec();
  unnamed.class_mirrors.clear();
  CATCH_CHECK(
      at::equal(average_with_mirror(model, unnamed)->forward(inputs).at("logits"), (plain + back) / 2));
}

CATCH_TEST_CASE("mirror: a model of series is refused in words", "[unit]") {
  const auto model = make_toy_model({});
  CATCH_CHECK_THROWS_WITH(average_with_mirror(*model, toy_spec()), Contains("'M1'") && Contains("--tta"));
}

CATCH_TEST_CASE("classes of pixels: the highest logit, the first of equal ones, in either memory order",
                "[unit]") {
  const at::Tensor logits = at::randn({2, 7, 5, 9});
  logits.select(1, 3).copy_(logits.select(1, 1));
  for (const at::Tensor& one : {logits, logits.contiguous(at::MemoryFormat::ChannelsLast)}) {
    const at::Tensor classes = classes_of_pixels(one);
    CATCH_CHECK(classes.scalar_type() == at::kByte);
    CATCH_CHECK(at::equal(classes.to(at::kLong), std::get<1>(logits.max(1))));
    CATCH_CHECK(classes.eq(1).any().item<bool>());
    CATCH_CHECK_FALSE(classes.eq(3).any().item<bool>());
  }
  CATCH_CHECK_THROWS_WITH(classes_of_pixels(logits[0]), Contains("[7,5,9]"));
}

CATCH_TEST_CASE("classes at another size: those of the logits resized as torch does", "[unit]") {
  const at::Tensor logits = at::randn({1, 7, 5, 9});
  for (const auto& [height, width] : {std::pair<int64_t, int64_t>{5, 9}, {23, 40}, {64, 3}, {3, 4}, {1, 1}}) {
    CATCH_INFO(height << " x " << width);
    const at::Tensor resized = at::upsample_bilinear2d(logits, {height, width}, false);
    const at::Tensor got = classes_at_size(logits[0], height, width);
    const auto sorted = std::get<0>(resized.sort(1, true));
    const at::Tensor clear = (sorted.select(1, 0) - sorted.select(1, 1)).gt(1e-5);  // no near tie
    CATCH_CHECK(clear.sum().item<int64_t>() >= height * width * 9 / 10);
    CATCH_CHECK(got.ne(classes_of_pixels(resized)[0]).logical_and(clear[0]).sum().item<int64_t>() == 0);
  }
}

}  // namespace
