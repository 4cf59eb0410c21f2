// Checkpoints: whole or not at all, the last and the best kept, broken ones passed over.
#include <ATen/ATen.h>
#include <sys/resource.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <filesystem>
#include <fstream>

#include "src/core/error.h"
#include "src/core/files.h"
#include "src/core/log.h"
#include "src/core/text.h"
#include "tests/trainers/toy.h"
#include "trainers/checkpoint.h"

using namespace athanor;
using Catch::Matchers::Contains;
namespace fs = std::filesystem;

namespace {

Checkpoint make_checkpoint(int64_t step) {
  Checkpoint checkpoint;
  checkpoint.values = {{"step", step}, {"best_value", 0.1 + 1e-17}, {"nothing", 1.0 / 0.0}};
  checkpoint.model = {{"weight", at::full({3, 2}, static_cast<double>(step), at::kFloat)}};
  checkpoint.training = {{"optimizer/step", at::full({}, static_cast<double>(step))}};
  checkpoint.spec = toy_spec();
  checkpoint.spec.constants.set("mean/M1", at::tensor({1.0f, 2.0f, 3.0f}));
  checkpoint.spec.label_overlap = 8;
  checkpoint.config_yaml = "seed: 3\n";
  return checkpoint;
}

std::vector<std::string> names(const CheckpointFolder& folder) {
  std::vector<std::string> all;
  for (const std::string& path : folder.list()) all.push_back(fs::path(path).filename());
  return all;
}

// Files grow no further than `bytes` while it lives, as on a full disk.
class FullDisk {
 public:
  explicit FullDisk(rlim_t bytes) {
    ::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{bytes, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FullDisk() { ::setrlimit(RLIMIT_FSIZE, &before_); }

 private:
  rlimit before_{};
};

}  // namespace

CATCH_TEST_CASE("checkpoint: what is written comes back, to the bit", "[unit]") {
  const Scratch scratch;
  write_checkpoint(scratch.path("c"), make_checkpoint(7));
  const Checkpoint read = read_checkpoint(scratch.path("c"));
  CATCH_CHECK(read.values.at("step") == 7);
  CATCH_CHECK(read.values.at("best_value") == 0.1 + 1e-17);
  CATCH_CHECK(read.values.count("nothing") == 0);
  CATCH_CHECK(same_bits(read.model, make_checkpoint(7).model));
  CATCH_CHECK(same_bits(read.training, make_checkpoint(7).training));
  CATCH_CHECK(same_bits(read.spec.constants, make_checkpoint(7).spec.constants));
  CATCH_CHECK(read.spec.inputs[1].name == "M5");
  CATCH_CHECK(read.spec.inputs[1].shape == std::vector<int64_t>{4, 3});
  CATCH_CHECK(read.spec.labels[0].dtype == at::kLong);
  CATCH_CHECK(read.spec.feature_names == toy_spec().feature_names);
  CATCH_CHECK(read.spec.pip == 0.0001);
  CATCH_CHECK(read.spec.label_overlap == 8);
  CATCH_CHECK(read.config_yaml == "seed: 3\n");
}

CATCH_TEST_CASE(
    "checkpoint: the newest file cut at any byte, or one bit altered, leaves the one before usable",
    "[unit]") {
  set_quiet(true);
  const Scratch scratch;
  const CheckpointFolder folder(scratch.path("checkpoints"), 3);
  CheckpointFolder(folder).save(make_checkpoint(1), false);
  const std::string newest = CheckpointFolder(folder).save(make_checkpoint(2), false);
  int64_t cuts = 0;
  for (const auto& entry : fs::directory_iterator(newest)) {
    const std::string path = entry.path(), whole = read_file(path);
    const size_t stride = std::max<size_t>(1, whole.size() / 50);
    for (size_t bytes = 0; bytes < whole.size() - 2; bytes += stride, ++cuts) {
      std::ofstream(path, std::ios::binary | std::ios::trunc) << whole.substr(0, bytes);
      CATCH_INFO(path << " cut to " << bytes << " bytes");
      CATCH_REQUIRE(folder.find_newest()->values.at("step") == 1);
    }
    if (entry.path().filename() != "state.json") {
      std::string altered = whole;
      altered[altered.size() - 2] = static_cast<char>(altered[altered.size() - 2] ^ 1);
      std::ofstream(path, std::ios::binary | std::ios::trunc) << altered;
      CATCH_INFO(path << " altered");
      CATCH_REQUIRE(folder.find_newest()->values.at("step") == 1);
    }
    fs::remove(path);
    CATCH_REQUIRE(folder.find_newest()->values.at("step") == 1);
    std::ofstream(path, std::ios::binary | std::ios::trunc) << whole;
    CATCH_REQUIRE(folder.find_newest()->values.at("step") == 2);
  }
  CATCH_CHECK(cuts > 100);
}

CATCH_TEST_CASE("checkpoint: the last few and the best stay, the rest goes", "[unit]") {
  const Scratch scratch;
  CheckpointFolder folder(scratch.path("checkpoints"), 2);
  for (int64_t step = 1; step <= 6; ++step) folder.save(make_checkpoint(step), step == 2);
  CATCH_CHECK(names(folder) == std::vector<std::string>{"step-00000006", "step-00000005", "step-00000002"});
  CATCH_CHECK(fs::read_symlink(folder.last()) == "step-00000006");
  CATCH_CHECK(fs::read_symlink(folder.best()) == "step-00000002");
  folder.mark_best();
  CATCH_CHECK(fs::read_symlink(folder.best()) == "step-00000006");
}

CATCH_TEST_CASE("checkpoint: a run that went back replaces what was newer, and what was left half-written",
                "[unit]") {
  set_quiet(true);
  const Scratch scratch;
  CheckpointFolder folder(scratch.path("checkpoints"), 1);
  folder.save(make_checkpoint(8), false);
  const std::string broken = folder.save(make_checkpoint(9), false);
  fs::resize_file(broken + "/model.safetensors", 3);
  fs::create_directory(scratch.path("checkpoints/step-00000010.tmp-1"));
  folder.save(make_checkpoint(8), false);
  CATCH_CHECK(names(folder) == std::vector<std::string>{"step-00000008"});
  CATCH_CHECK_FALSE(fs::exists(scratch.path("checkpoints/step-00000010.tmp-1")));
  CATCH_CHECK(folder.find_newest()->values.at("step") == 8);
}

CATCH_TEST_CASE("checkpoint: a full disk is an error in words, and the one before stays the last", "[unit]") {
  const Scratch scratch;
  CheckpointFolder folder(scratch.path("checkpoints"), 3);
  folder.save(make_checkpoint(1), true);
  Checkpoint large = make_checkpoint(2);
  large.model.set("weight", at::zeros({1 << 16}));
  {
    const FullDisk disk(100'000);
    CATCH_CHECK_THROWS_WITH(folder.save(large, true),
                            Contains("model.safetensors") && Contains("cannot write"));
  }
  CATCH_CHECK(names(folder) == std::vector<std::string>{"step-00000001"});
  CATCH_CHECK(fs::read_symlink(folder.best()) == "step-00000001");
  CATCH_CHECK(folder.find_newest()->values.at("step") == 1);
  for (const auto& entry : fs::directory_iterator(scratch.path("checkpoints")))
    CATCH_CHECK(entry.path().filename().string().find(".tmp") == std::string::npos);
}

CATCH_TEST_CASE("checkpoint: a run directory, its best or a checkpoint itself can be named", "[unit]") {
  const Scratch scratch;
  CheckpointFolder folder(scratch.path("run/checkpoints"), 3);
  CATCH_CHECK_THROWS_WITH(resolve_checkpoint(scratch.path("run")), Contains("no such file"));
  const std::string first = folder.save(make_checkpoint(1), true);
  const std::string second = folder.save(make_checkpoint(2), false);
  CATCH_CHECK(fs::equivalent(resolve_checkpoint(scratch.path("run")), first));
  CATCH_CHECK(fs::equivalent(resolve_checkpoint(scratch.path("run/checkpoints/last")), second));
  fs::remove(folder.best());
  CATCH_CHECK(fs::equivalent(resolve_checkpoint(scratch.path("run")), second));
  CATCH_CHECK_THROWS_WITH(resolve_checkpoint(ATHANOR_SOURCE_DIR), Contains("holds no checkpoint"));
}

CATCH_TEST_CASE("weights: those of another model are refused by name", "[unit]") {
  ToyOptions options;
  options.model_settings = {"hidden=[8]"};
  const auto model = make_toy_model(options);
  options.model_settings = {"hidden=[9]"};
  const auto wider = make_toy_model(options);
  options.model_settings = {"hidden=[8, 8]"};
  const auto deeper = make_toy_model(options);
  CATCH_CHECK_NOTHROW(load_weights(*model, model_weights(*model), "x"));
  CATCH_CHECK_THROWS_WITH(load_weights(*model, model_weights(*wider), "x"),
                          Contains("another model") && Contains("[9,") && Contains("[8,"));
  CATCH_CHECK_THROWS_WITH(load_weights(*model, model_weights(*deeper), "x"), Contains("unexpected hidden_1"));
  CATCH_CHECK_THROWS_WITH(load_weights(*deeper, model_weights(*model), "x"), Contains("missing hidden_1"));
}

CATCH_TEST_CASE("models: every registered one's weights survive a checkpoint", "[unit]") {
  for (const std::string& name : toy_models()) {
    CATCH_INFO(name);
    const Scratch scratch;
    ToyOptions options;
    options.model = name;
    const auto model = make_toy_model(options);
    Checkpoint checkpoint = make_checkpoint(1);
    checkpoint.model = model_weights(*model);
    write_checkpoint(scratch.path("c"), checkpoint);
    options.seed = 2;
    const auto other = make_toy_model(options);
    CATCH_CHECK_FALSE(same_bits(model_weights(*other), model_weights(*model)));
    load_weights(*other, read_checkpoint(scratch.path("c")).model, "c");
    CATCH_CHECK(same_bits(model_weights(*other), model_weights(*model)));
  }
}
