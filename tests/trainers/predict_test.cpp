#include "trainers/predict.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/equal.h>

#include <catch2/catch.hpp>
#include <filesystem>

#include "data/hdf5/hdf5_file.h"
#include "src/core/error.h"
#include "src/core/stop.h"
#include "tests/trainers/toy.h"
#include "trainers/evaluation.h"
#include "trainers/predictions_file.h"

namespace athanor {
namespace {

ChunkDataLoader toy_loader(int64_t samples, int64_t batch, const std::string& order = "sequential") {
  LoaderOptions options;
  options.batch_size = batch;
  options.order = order;
  return ChunkDataLoader(toy_source(samples, 5), toy_spec(), options, 0, at::kCPU);
}

CATCH_TEST_CASE("predict: the loss is the mean over samples, whatever the batches", "[unit]") {
  const auto model = make_toy_model({});
  const auto objective = make_toy_objective("direction_magnitude");
  ChunkDataLoader whole = toy_loader(50, 50), ragged = toy_loader(50, 16);
  const PredictResult at_once = predict(*model, whole, *objective);
  const PredictResult in_pieces = predict(*model, ragged, *objective);
  CATCH_CHECK(in_pieces.samples == 50);
  CATCH_CHECK(in_pieces.complete);
  CATCH_CHECK(in_pieces.predictions.loss == Approx(at_once.predictions.loss).epsilon(1e-6));
  CATCH_REQUIRE(in_pieces.predictions.loss_parts.size() == 2);
  CATCH_CHECK(in_pieces.predictions.loss_parts[0].first == "direction");
  CATCH_CHECK(same_bits(in_pieces.predictions.labels, at_once.predictions.labels));
  const at::Tensor difference =
      in_pieces.predictions.outputs.at("direction") - at_once.predictions.outputs.at("direction");
  CATCH_CHECK(difference.abs().max().item<float>() < 1e-6f);
}

CATCH_TEST_CASE("predict: no gradients, no dropout, and the model's mode and state are as before", "[unit]") {
  ToyOptions options;
  options.model = "multi_timeframe_lstm";
  options.model_settings = {"hidden=8", "layers=2", "dropout=0.5"};
  const auto model = make_toy_model(options);
  const auto objective = make_toy_objective("direction_magnitude");
  model->set_training(true);
  ChunkDataLoader loader = toy_loader(40, 16);
  const PredictResult once = predict(*model, loader, *objective, {}, /*training_after=*/true);
  const PredictResult again = predict(*model, loader, *objective, {}, /*training_after=*/true);
  CATCH_CHECK(same_bits(once.predictions.outputs, again.predictions.outputs));
  CATCH_CHECK_FALSE(once.predictions.outputs.at("direction").requires_grad());
  CATCH_CHECK(at::GradMode::is_enabled());
  loader.start_epoch(0);
  const Batch batch = *loader.next();
  const at::Tensor first = model->forward(batch.inputs).at("direction");
  const at::Tensor second = model->forward(batch.inputs).at("direction");
  CATCH_CHECK_FALSE(at::equal(first, second));  // dropout is on again
}

CATCH_TEST_CASE("predict: samples of ordered streams come back in the order of time", "[unit]") {
  const auto model = make_toy_model({});
  const auto objective = make_toy_objective("direction_magnitude");
  ChunkDataLoader streams = toy_loader(48, 16, "streams"), ordered = toy_loader(48, 16);
  const Predictions a = predict(*model, streams, *objective).predictions;
  const Predictions b = predict(*model, ordered, *objective).predictions;
  CATCH_REQUIRE(a.time.defined());
  CATCH_CHECK(at::equal(a.time, b.time));
  CATCH_CHECK(same_bits(a.labels, b.labels));
}

CATCH_TEST_CASE("predict: a request to stop ends it early, and says so", "[unit]") {
  const auto model = make_toy_model({});
  const auto objective = make_toy_objective("direction_magnitude");
  ChunkDataLoader loader = toy_loader(50, 10);
  PredictOptions options;
  options.on_batch = [](const Batch& batch, const TensorMap&) { request_stop(batch.index == 1); };
  const PredictResult result = predict(*model, loader, *objective, options);
  request_stop(false);
  CATCH_CHECK_FALSE(result.complete);
  CATCH_CHECK(result.samples == 20);
}

CATCH_TEST_CASE("predictions file: rows are what the model was given and said", "[unit]") {
  Scratch scratch;
  const std::string path = scratch.path("said.h5");
  const auto model = make_toy_model({});
  const auto objective = make_toy_objective("direction_magnitude");
  ChunkDataLoader loader = toy_loader(50, 16);
  PredictionsFile file(path, 50, /*with_inputs=*/true);
  PredictOptions options;
  options.on_batch = [&](const Batch& batch, const TensorMap& outputs) { file.add(batch, outputs); };
  const Predictions said = predict(*model, loader, *objective, options).predictions;
  file.commit();
  const Hdf5File read = Hdf5File::open(path);
  CATCH_CHECK(read.info("time").shape == std::vector<int64_t>{50});
  CATCH_CHECK(read.info("inputs/M1").shape == std::vector<int64_t>{50, 6, 3});
  CATCH_CHECK(read.info("labels/direction").type == NumberType::kInt64);
  const auto logits = read.read<float>("outputs/direction");
  const at::Tensor expected = said.outputs.at("direction").contiguous();
  CATCH_CHECK(std::equal(logits.begin(), logits.end(), expected.const_data_ptr<float>()));
  const auto magnitudes = read.read<float>("labels/magnitude");
  const at::Tensor labels = said.labels.at("magnitude");
  CATCH_CHECK(std::equal(magnitudes.begin(), magnitudes.end(), labels.const_data_ptr<float>()));
}

CATCH_TEST_CASE("predictions file: nothing is left where it was not finished", "[unit]") {
  Scratch scratch;
  { PredictionsFile file(scratch.path("said.h5"), 50, false); }
  CATCH_CHECK(std::filesystem::is_empty(scratch.path("")));
}

CATCH_TEST_CASE("evaluation: data of other inputs, windows or features than the model's is refused",
                "[unit]") {
  const DataSpec trained = toy_spec();
  CATCH_CHECK_NOTHROW(check_same_inputs(trained, toy_spec(), "x.h5"));
  DataSpec other = toy_spec();
  other.inputs[0].shape[0] = 7;
  CATCH_CHECK_THROWS_WITH(check_same_inputs(trained, other, "x.h5"), Catch::Contains("x.h5: M1") &&
                                                                         Catch::Contains("[6,3]") &&
                                                                         Catch::Contains("[7,3]"));
  other = toy_spec();
  other.inputs.erase(other.inputs.begin());
  CATCH_CHECK_THROWS_WITH(check_same_inputs(trained, other, "x.h5"), Catch::Contains("M1"));
  DataSpec named = toy_spec(), renamed = toy_spec();
  named.feature_names = {"a", "b", "c"};
  renamed.feature_names = {"a", "c", "b"};
  CATCH_CHECK_THROWS_WITH(check_same_inputs(named, renamed, "x.h5"), Catch::Contains("feature 1"));
}

}  // namespace
}  // namespace athanor
