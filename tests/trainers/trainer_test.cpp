// The loop: what a step does, when things are due, what stops it.
#include <ATen/ATen.h>

#include <c10/util/Exception.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <filesystem>

#include "src/core/error.h"
#include "src/core/files.h"
#include "src/core/stop.h"
#include "tests/trainers/toy.h"

using namespace athanor;
using Catch::Matchers::Contains;
namespace fs = std::filesystem;

namespace {

double largest_difference(const TensorMap& a, const TensorMap& b) {
  double largest = 0;
  for (const auto& [name, tensor] : a)
    largest = std::max(largest, (tensor.detach() - b.at(name).detach()).abs().max().item<double>());
  return largest;
}

// One step of plain SGD moves weights by lr times the gradient: equal weights mean equal gradients.
ToyOptions one_sgd_step(int64_t batch_size, int64_t accumulate_steps) {
  ToyOptions options;
  options.optimizer.name = "sgd";
  options.optimizer.momentum = 0;
  options.optimizer.weight_decay = 0;
  options.optimizer.lr = 1;
  options.loader.order = "sequential";
  options.loader.batch_size = batch_size;
  options.trainer.accumulate_steps = accumulate_steps;
  options.trainer.max_steps = 1;
  return options;
}

std::string message_of(Toy& toy) {
  try {
    toy.run();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

}  // namespace

CATCH_TEST_CASE("trainer: every registered model overfits one batch", "[unit]") {
  for (const std::string& name : toy_models()) {
    CATCH_INFO(name);
    ToyOptions options;
    options.model = name;
    options.trainer.overfit_one_batch = true;
    options.trainer.max_epochs = 0;
    options.trainer.max_steps = 150;
    options.optimizer.lr = 0.02;
    Toy toy(options);
    const double before = toy.trainer().try_batch();
    const TrainResult result = toy.run();
    CATCH_CHECK(result.step == 150);
    CATCH_CHECK(result.train_loss < 0.25 * before);
    CATCH_CHECK(result.last_evaluation.empty());
  }
}

CATCH_TEST_CASE("trainer: learns what the labels follow from, and validation says so", "[unit]") {
  ToyOptions options;
  options.train_samples = 600;
  options.trainer.max_epochs = 8;
  options.optimizer.lr = 0.01;
  Toy toy(options);
  const TrainResult result = toy.run();
  CATCH_REQUIRE_FALSE(result.last_evaluation.empty());
  CATCH_CHECK(result.last_evaluation.front().first == "val/loss");
  CATCH_CHECK(result.best_value < 0.5);
  CATCH_CHECK(result.step == 8 * 38);
}

CATCH_TEST_CASE("trainer: four batches of 32 accumulated are one of 128", "[unit]") {
  ToyOptions options = one_sgd_step(32, 4);
  Toy small(options);
  small.run();
  Toy large(one_sgd_step(128, 1));
  large.run();
  CATCH_CHECK(largest_difference(small.model().parameters(), large.model().parameters()) < 1e-6);
}

CATCH_TEST_CASE("trainer: an epoch's last short batch counts by its samples", "[unit]") {
  // 44 samples: batches of 32 and 12 in one group.
  ToyOptions options = one_sgd_step(32, 4);
  options.train_samples = 44;
  Toy grouped(options);
  grouped.run();
  options = one_sgd_step(44, 1);
  options.train_samples = 44;
  Toy whole(options);
  whole.run();
  CATCH_CHECK(largest_difference(grouped.model().parameters(), whole.model().parameters()) < 1e-6);
}

CATCH_TEST_CASE("trainer: a batch that does not fit is learned from in pieces, with the same gradients",
                "[unit]") {
  const auto fits = [](int64_t most) {
    return [most](const TensorMap& outputs) {
      if (outputs.at("direction").size(0) > most)
        throw c10::OutOfMemoryError({__func__, __FILE__, __LINE__},
                                    "CUDA out of memory. Tried to allocate 2 GiB");
    };
  };
  const auto limited = [&](int64_t most) {
    return std::make_unique<WatchedObjective>(make_toy_objective("direction_magnitude"), fits(most));
  };
  const auto trained = [&](const ToyOptions& options, std::unique_ptr<Objective> objective) {
    Toy toy(options, std::move(objective));
    toy.run();
    TensorMap weights;
    for (const auto& [name, parameter] : toy.model().parameters())
      weights.set(name, parameter.detach().clone());
    return weights;
  };
  ToyOptions options = one_sgd_step(40, 2);
  options.val_samples = 0;
  CATCH_CHECK(largest_difference(trained(options, limited(1000)), trained(options, limited(10))) < 1e-6);
  Toy hopeless(options, limited(0));
  CATCH_CHECK_THROWS_WITH(hopeless.run(), Contains("out of memory") && Contains("2 GiB"));
}

CATCH_TEST_CASE("trainer: clipping bounds the update", "[unit]") {
  ToyOptions options = one_sgd_step(64, 1);
  options.trainer.clip_norm = 0.01;
  Toy toy(options);
  TensorMap before;
  for (const auto& [name, parameter] : toy.model().parameters()) before.set(name, parameter.detach().clone());
  toy.run();
  double square = 0;
  for (const auto& [name, parameter] : toy.model().parameters())
    square += (parameter.detach() - before.at(name)).square().sum().item<double>();
  CATCH_CHECK(std::sqrt(square) == Approx(0.01).epsilon(1e-3));
}

CATCH_TEST_CASE("trainer: the same seed gives the same weights, another seed others", "[unit]") {
  ToyOptions options;
  Toy a(options), b(options);
  a.run();
  b.run();
  CATCH_CHECK(same_bits(a.model().parameters(), b.model().parameters()));
  options.seed = 2;
  Toy c(options);
  c.run();
  CATCH_CHECK_FALSE(same_bits(a.model().parameters(), c.model().parameters()));
}

CATCH_TEST_CASE("nan stop: a bad input is named with step, batch and time", "[unit]") {
  ToyOptions options;
  options.loader.order = "sequential";
  options.bad_sample = 37;
  Toy toy(options);
  const std::string message = message_of(toy);
  CATCH_INFO(message);
  CATCH_CHECK_THAT(
      message, Contains("step 3, epoch 1, batch 2 (16 samples, 2020-09-13 12:58:40 to 2020-09-13 13:13:40)"));
  CATCH_CHECK_THAT(message, Contains("NaN in input 'M5'"));
}

CATCH_TEST_CASE("nan stop: with accumulation the batch is still the right one", "[unit]") {
  ToyOptions options;
  options.loader.order = "sequential";
  options.trainer.accumulate_steps = 4;
  options.bad_sample = 37;
  Toy toy(options);
  CATCH_CHECK_THAT(message_of(toy), Contains("step 1, epoch 1, batch 2 (16 samples"));
}

CATCH_TEST_CASE("nan stop: outputs, loss parts and gradients are named", "[unit]") {
  // The loss of outputs made bad: from the loss on, or in the gradient alone.
  class Spoiled : public Objective {
   public:
    explicit Spoiled(bool gradient_only) : gradient_only_(gradient_only) {}
    Loss compute(const TensorMap& outputs, const TensorMap&) const override {
      const at::Tensor magnitude = outputs.at("magnitude");
      // The root of 0 is 0, its slope infinite.
      const at::Tensor total =
          gradient_only_ ? (magnitude - magnitude).sqrt().sum() : (magnitude * 0).log().sum();
      return {total, {{"spoiled", total.detach()}}};
    }
    std::vector<std::string> needed_outputs() const override { return {"magnitude"}; }
    std::vector<std::string> needed_labels() const override { return {}; }

   private:
    bool gradient_only_;
  };
  Toy loss(ToyOptions(), std::make_unique<Spoiled>(false));
  CATCH_CHECK_THAT(message_of(loss), Contains("step 1") && Contains("infinity in loss part 'spoiled'"));
  Toy gradient(ToyOptions(), std::make_unique<Spoiled>(true));
  CATCH_CHECK_THAT(message_of(gradient),
                   Contains("step 1") && Contains("NaN in gradient of 'hidden_0.weight'"));

  ToyOptions options;
  options.optimizer.lr = 1e38;
  options.optimizer.name = "sgd";
  Toy wild(options);
  CATCH_CHECK_THAT(message_of(wild), Contains("lower optimizer.lr"));
}

CATCH_TEST_CASE("nan stop: a bad update changes no weight", "[unit]") {
  ToyOptions options;
  options.loader.order = "sequential";
  options.bad_sample = 3;
  Toy toy(options);
  TensorMap before;
  for (const auto& [name, parameter] : toy.model().parameters()) before.set(name, parameter.detach().clone());
  CATCH_REQUIRE_FALSE(message_of(toy).empty());
  CATCH_CHECK(same_bits(toy.model().parameters(), before));
}

CATCH_TEST_CASE("early stopping: ends after as many evaluations without a better one", "[unit]") {
  ToyOptions options;
  options.optimizer.lr = 1e-12;  // nothing gets better
  options.trainer.max_epochs = 50;
  options.trainer.early_stopping_patience = 3;
  options.trainer.monitor_mode = "max";
  const TrainResult result = Toy(options).run();
  CATCH_CHECK(result.stopped_early);
  CATCH_CHECK(result.step <= 10 * 8);
}

CATCH_TEST_CASE("trainer: SIGTERM ends it after the step, saved", "[unit]") {
  const Scratch scratch;
  install_stop_signals();
  int64_t losses = 0;
  Toy toy(ToyOptions(), std::make_unique<WatchedObjective>(make_toy_objective("direction_magnitude"),
                                                           [&](const TensorMap&) {
                                                             if (++losses == 5) ::raise(SIGTERM);
                                                           }));
  const TrainResult result = toy.run(scratch.path("run"));
  request_stop(false);
  CATCH_CHECK(result.interrupted);
  CATCH_CHECK(result.step == 5);
  CATCH_CHECK(fs::exists(scratch.path("run/checkpoints/step-00000005/state.json")));
}

CATCH_TEST_CASE("trainer: the monitored value must exist, and the hint lists those that do", "[unit]") {
  ToyOptions options;
  options.trainer.sanity_batches = 1;
  options.trainer.monitor = "val/los";
  Toy toy(options);
  CATCH_CHECK_THROWS_WITH(toy.trainer().check_validation(), Contains("val/loss"));
}

CATCH_TEST_CASE("trainer: without validation, what needs it is refused", "[unit]") {
  ToyOptions options;
  options.val_samples = 0;
  CATCH_CHECK(Toy(options).run().last_evaluation.empty());
  options.trainer.early_stopping_patience = 1;
  CATCH_CHECK_THROWS_WITH(Toy(options), Contains("validation"));
  options.trainer.early_stopping_patience = 0;
  options.schedule.name = "plateau";
  CATCH_CHECK_THROWS_WITH(Toy(options), Contains("validation"));
}

CATCH_TEST_CASE("run directory: one that holds something is not overwritten", "[unit]") {
  const Scratch scratch;
  ToyOptions options;
  options.trainer.max_steps = 2;
  Toy(options).run(scratch.path("run"));
  for (const char* name : {"config.yaml", "environment.json", "metrics.jsonl", "metrics.csv", "log.txt",
                           "tensorboard", "checkpoints/last/model.safetensors"})
    CATCH_CHECK(fs::exists(scratch.path("run/") + name));
  CATCH_CHECK_THROWS_WITH(Toy(options).run(scratch.path("run")), Contains("--resume"));
}

CATCH_TEST_CASE("run directory: a profile is a Chrome trace of the steps asked for", "[unit]") {
  const Scratch scratch;
  ToyOptions options;
  options.trainer.profile_steps = 2;
  options.trainer.max_steps = 4;
  Toy(options).run(scratch.path("run"));
  const std::string trace = read_file(scratch.path("run/trace.json"));
  CATCH_CHECK(trace.find("traceEvents") != std::string::npos);
  CATCH_CHECK(trace.find("aten::addmm") != std::string::npos);
}
