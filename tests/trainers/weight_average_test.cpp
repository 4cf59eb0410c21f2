// The average of the weights: its formula, its scope, what of it is kept.
#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <catch2/catch.hpp>

#include "src/core/safetensors.h"
#include "tests/trainers/toy.h"
#include "trainers/checkpoint.h"
#include "trainers/predict.h"
#include "trainers/weight_average.h"

using namespace athanor;

namespace {

TensorMap copy_of(const TensorMap& tensors) {
  TensorMap copy;
  for (const auto& [name, tensor] : tensors) copy.set(name, tensor.detach().clone());
  return copy;
}

}  // namespace

CATCH_TEST_CASE("weight average: follows its formula, buffers included, and starts fast", "[unit]") {
  const auto model = make_toy_model(ToyOptions());
  WeightAverage average(*model, 0.5);
  TensorMap expected = copy_of(model_weights(*model));
  const c10::NoGradGuard no_grad;
  for (int64_t step = 0; step < 20; ++step) {
    for (const auto& [name, tensor] : model_weights(*model)) tensor.add_(at::randn_like(tensor));
    average.add(step);
    const double decay =
        std::min(0.5, (1.0 + static_cast<double>(step)) / (10.0 + static_cast<double>(step)));
    for (auto& [name, tensor] : expected)
      tensor = tensor.mul(decay).add(model_weights(*model).at(name), 1 - decay);
  }
  for (const auto& [name, tensor] : average.weights()) {
    CATCH_INFO(name);
    CATCH_CHECK(at::allclose(tensor, expected.at(name), 1e-5, 1e-5));
  }
}

CATCH_TEST_CASE("weight average: in its scope the model computes with it, after it with its own bits",
                "[unit]") {
  const auto model = make_toy_model(ToyOptions());
  WeightAverage average(*model, 0.9);
  const TensorMap start = copy_of(model_weights(*model));
  {
    const c10::NoGradGuard no_grad;
    for (const auto& [name, tensor] : model_weights(*model)) tensor.add_(1);
  }
  const TensorMap moved = copy_of(model_weights(*model));
  {
    const WeightAverage::Scope averaged(&average);
    CATCH_CHECK(same_bits(model_weights(*model), start));
  }
  CATCH_CHECK(same_bits(model_weights(*model), moved));
  CATCH_CHECK(same_bits(average.weights(), start));
}

CATCH_TEST_CASE(
    "weight average: the checkpoint's model is what was evaluated; the live weights are kept beside it",
    "[unit]") {
  const Scratch scratch;
  ToyOptions options;
  options.trainer.ema_decay = 0.95;
  options.optimizer.lr = 0.02;
  Toy toy(options);
  const TrainResult result = toy.run(scratch.path("run"));
  const Checkpoint checkpoint = read_checkpoint(scratch.path("run") + "/checkpoints/last");
  for (const auto& [name, tensor] : model_weights(toy.model())) {
    CATCH_INFO(name);
    CATCH_CHECK(at::equal(checkpoint.training.at("live/" + name), tensor));
    CATCH_CHECK_FALSE(at::equal(checkpoint.model.at(name), tensor));
  }
  load_weights(toy.model(), checkpoint.model, "test");
  LoaderOptions in_order = options.loader;
  in_order.order = "sequential";
  ChunkDataLoader validation(toy_source(options.val_samples, 2), toy_spec(), in_order, 1, at::kCPU);
  const double loss = predict(toy.model(), validation, toy.objective(), {}).predictions.loss;
  CATCH_CHECK(result.last_evaluation.at(0).second == Approx(loss).epsilon(1e-6));
}
