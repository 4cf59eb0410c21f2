// Jobs from files: strict reading, what a resumed run may change, a model opened again without its data.
#include <ATen/ATen.h>

#include <catch2/catch.hpp>

#include "src/core/config.h"
#include "src/core/error.h"
#include "src/core/files.h"
#include "tests/trainers/toy.h"
#include "trainers/job.h"

using namespace athanor;
using Catch::Matchers::Contains;

CATCH_TEST_CASE("job: every key that scripts rely on is there", "[unit]") {
  JobConfig job;
  CATCH_CHECK_NOTHROW(read_config(
      "",
      {"seed=3", "device=cpu", "model.name=mlp", "data.name=bars", "data.path=x.h5", "data.batch_size=8",
       "trainer.max_epochs=2", "trainer.max_steps=9", "trainer.precision=bf16", "trainer.accumulate_steps=2",
       "trainer.clip_norm=0.5", "trainer.checkpoint_every_steps=4", "trainer.eval_every_steps=5",
       "optimizer.name=sgd", "optimizer.lr=0.1", "optimizer.weight_decay=0", "schedule.name=cosine"},
      fields_of(job)));
  CATCH_CHECK(job.model.name() == "mlp");
  CATCH_CHECK(job.dataset().loader.batch_size == 8);
  CATCH_CHECK(job.dataset().path == "x.h5");
  CATCH_CHECK(job.trainer.precision == "bf16");
}

CATCH_TEST_CASE("job: the committed configs pass the strict reader", "[unit]") {
  for (const char* name : {"quickstart", "multi_timeframe_lstm", "multi_timeframe_lstm_source"}) {
    CATCH_INFO(name);
    CATCH_CHECK_NOTHROW(load_job(std::string(ATHANOR_SOURCE_DIR "/configs/") + name + ".yaml", {}));
  }
}

CATCH_TEST_CASE("job: one that would never end is refused", "[unit]") {
  CATCH_CHECK_THROWS_WITH(load_job("", {"trainer.max_epochs=0"}), Contains("never end"));
}

CATCH_TEST_CASE("job: resuming may move and lengthen a run, not change what it learns", "[unit]") {
  JobConfig before = load_job("", {"model.name=mlp", "data.path=a.h5"});
  JobConfig moved = load_job("", {"model.name=mlp", "data.path=b.h5", "trainer.max_steps=500",
                                  "data.threads=7", "trainer.log_every_steps=1", "device=cpu"});
  CATCH_CHECK(differing_keys(before, moved).empty());
  JobConfig changed = load_job("", {"model.name=mlp", "optimizer.lr=0.5", "model.hidden=[3]", "seed=2"});
  CATCH_CHECK(differing_keys(before, changed) == std::vector<std::string>{"seed: 1 -> 2",
                                                                          "model.hidden: [64,64] -> [3]",
                                                                          "optimizer.lr: 0.001 -> 0.5"});
  JobConfig other = load_job("", {});
  const std::vector<std::string> keys = differing_keys(before, other);
  CATCH_CHECK(keys.front() == "model.name: mlp -> multi_timeframe_lstm");
}

CATCH_TEST_CASE("job: resuming with another list of operations names the entry that differs", "[unit]") {
  const auto job = [](const std::string& operations, const char* threads = "augment.threads=0") {
    return load_job("", {"augment.name=images", "augment.operations=" + operations, threads});
  };
  using Keys = std::vector<std::string>;
  JobConfig before = job("[{name: flip}, {name: rotate, degrees: 10}]");
  JobConfig same = job("[{name: flip}, {name: rotate, degrees: 10}]", "augment.threads=3");
  CATCH_CHECK(differing_keys(before, same).empty());
  JobConfig turned = job("[{name: flip}, {name: rotate, degrees: 20}]");
  CATCH_CHECK(differing_keys(before, turned) == Keys{"augment.operations[1].degrees: 10 -> 20"});
  JobConfig longer = job("[{name: flip}, {name: rotate, degrees: 10}, {name: crop}]");
  const Keys added = differing_keys(before, longer);
  CATCH_REQUIRE_FALSE(added.empty());
  CATCH_CHECK(added.front() == "augment.operations[2].name: (unset) -> crop");
  CATCH_CHECK(differing_keys(longer, before).front() == "augment.operations[2].name: crop -> (unset)");
}

CATCH_TEST_CASE("job: an objective whose labels the data lacks is refused", "[unit]") {
  const auto objective = make_toy_objective("multi_head");
  CATCH_CHECK_THROWS_WITH(check_labels(*objective, toy_spec(), "multi_head"),
                          Contains("magnitude_scalp") && Contains("labels direction, magnitude"));
}

CATCH_TEST_CASE("job: an objective whose outputs the model lacks is refused", "[unit]") {
  const auto model = make_toy_model({});
  CATCH_CHECK_NOTHROW(check_outputs(*make_toy_objective("direction_magnitude"), *model, toy_spec(), "x"));
  CATCH_CHECK_THROWS_WITH(check_outputs(*make_toy_objective("multi_head"), *model, toy_spec(), "multi_head"),
                          Contains("'magnitude_scalp'") && Contains("outputs direction, magnitude"));
}

CATCH_TEST_CASE("job: a trained model opens again from its checkpoint alone", "[unit]") {
  const Scratch scratch;
  JobConfig job = load_job("", {"model.name=mlp", "model.hidden=[5]", "data.path=gone.h5"});
  DataSpec spec = toy_spec();
  spec.constants = {{"mean/M1", at::tensor({1.0f, 2.0f, 3.0f})},
                    {"scale/M1", at::tensor({2.0f, 2.0f, 2.0f})}};
  const auto model = job.model.make(spec);
  Checkpoint checkpoint;
  checkpoint.values = {{"step", 12}};
  checkpoint.model = model_weights(*model);
  checkpoint.training = {{"optimizer/step", at::zeros({})}};
  checkpoint.spec = spec;
  checkpoint.config_yaml = config_yaml(fields_of(job));
  CheckpointFolder(scratch.path("run/checkpoints"), 1).save(checkpoint, true);

  LoadedModel loaded = load_checkpoint_model(scratch.path("run"), {"data.path=elsewhere.h5"}, at::kCPU);
  CATCH_CHECK(loaded.step == 12);
  CATCH_CHECK(loaded.job.dataset().path == "elsewhere.h5");
  CATCH_CHECK(same_bits(model_weights(*loaded.model), model_weights(*model)));
  const TensorMap inputs{{"M1", at::randn({2, 6, 3})}, {"M5", at::randn({2, 4, 3})}};
  model->set_training(false);
  CATCH_CHECK(same_bits(loaded.model->forward(inputs), model->forward(inputs)));
  CATCH_CHECK_THROWS_WITH(load_checkpoint_model(scratch.path("run"), {"model.hidden=[6]"}, at::kCPU),
                          Contains("another model"));
}
