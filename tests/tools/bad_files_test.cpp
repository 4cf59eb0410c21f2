// Data and checkpoints that are broken, of another kind or do not fit, and disks that are full.
#include <catch2/catch.hpp>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <functional>
#include <limits>

#include "data/hdf5/hdf5_file.h"
#include "src/core/files.h"
#include "tests/tools/bad_input.h"

namespace athanor::testing {
namespace {

namespace fs = std::filesystem;

std::string write(const std::string& name, const std::string& content) {
  const std::string path = fixtures() + "/" + name;
  std::ofstream(path, std::ios::binary) << content;
  return path;
}

// The first `share` of a fixture's bytes.
std::string cut(const std::string& name, double share) {
  const std::string bytes = read_file(fixtures() + "/" + name);
  return write("cut_" + name,
               bytes.substr(0, static_cast<size_t>(static_cast<double>(bytes.size()) * share)));
}

// A small features + targets file, with something wrong in it.
struct SmallFile {
  std::vector<float> features = std::vector<float>(100 * 8 * 3, 0.5f);
  std::vector<int64_t> feature_shape = {100, 8, 3};
  std::vector<float> targets = std::vector<float>(100, 1.0f);
  bool has_targets = true;
};
std::string small_file(const std::string& name, const std::function<void(SmallFile&)>& spoil) {
  SmallFile small;
  spoil(small);
  const std::string path = fixtures() + "/" + name;
  Hdf5File file = Hdf5File::create(path);
  file.write<float>("features", small.features, small.feature_shape);
  if (small.has_targets)
    file.write<float>("targets", small.targets, {static_cast<int64_t>(small.targets.size())});
  file.close();
  return path;
}

std::vector<std::string> train_small(const std::string& path) {
  return {"train",
          write("small.yaml",
                "data:\n  name: features\n  batch_size: 10\nmodel:\n  name: mlp\n  outputs: {target: 1}\n"
                "objective:\n  name: mse\nevaluator:\n  name: regression\ntrainer:\n  max_steps: 2\n"),
          "data.path=" + path, "--run-dir", "new"};
}

CATCH_TEST_CASE("bad input: data files", "[unit]") {
  const std::string job = fixtures() + "/job.yaml";
  const auto train = [&](const std::string& path) {
    return std::vector<std::string>{"train", job, "data.path=" + path, "--run-dir", "new"};
  };
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  check_bad_inputs({
      {"a foreign file", train(job), 1, {job, "HDF5"}},
      {"an empty file", train(write("empty.h5", "")), 1, {"empty.h5", "HDF5"}},
      {"half a file", train(cut("bars.h5", 0.5)), 1, {"cut_bars.h5", "truncated"}},
      {"nearly a whole file", train(cut("windows.h5", 0.999)), 1, {"cut_windows.h5", "truncated"}},
      {"another layout", train(fixtures() + "/windows.h5"), 1, {"windows.h5", "data.name"}},
      {"bars for the reader of arrays", train_small(fixtures() + "/bars.h5"), 1, {"bars.h5"}},
      {"no targets",
       train_small(small_file("no_targets.h5", [](SmallFile& f) { f.has_targets = false; })),
       1,
       {"no_targets.h5", "targets"}},
      {"features of one dimension",
       train_small(small_file("flat.h5", [](SmallFile& f) { f.feature_shape = {2400}; })),
       1,
       {"flat.h5", "features", "[2400]"}},
      {"fewer targets than samples",
       train_small(small_file("few.h5", [](SmallFile& f) { f.targets.resize(90); })),
       1,
       {"few.h5", "targets", "90", "100"}},
      {"NaN in a feature",
       train_small(small_file("nan.h5", [](SmallFile& f) { f.features[7 * 24 + 5] = NAN; })),
       1,
       {"nan.h5", "features", "NaN", "7"},
       0,
       true,
       {"new"}},
      {"infinity in a feature",
       train_small(small_file("inf.h5", [=](SmallFile& f) { f.features[9 * 24] = kInfinity; })),
       1,
       {"inf.h5", "features", "inf", "9"},
       0,
       true,
       {"new"}},
  });
}

CATCH_TEST_CASE("bad input: price bars", "[unit]") {
  const std::string head = "time,open,high,low,close,volume\n";
  const auto prepare = [&](const std::string& name, const std::string& content) {
    return std::vector<std::string>{"prepare", "bars", "--input", write(name, content), "--output", "out.h5"};
  };
  const std::string first = "2024-01-02 00:00,1.1,1.2,1.0,1.1,5\n";
  check_bad_inputs({
      {"no such file",
       {"prepare", "bars", "--input", "none.csv", "--output", "out.h5"},
       1,
       {"none.csv", "No such"}},
      {"a folder",
       {"prepare", "bars", "--input", fixtures(), "--output", "out.h5"},
       1,
       {fixtures(), "directory"}},
      {"nothing in it", prepare("1.csv", ""), 1, {"1.csv", "empty"}},
      {"a header alone", prepare("2.csv", head), 1, {"2.csv"}},
      {"a price that is no number",
       prepare("3.csv", head + first + "2024-01-02 00:01,1.1,x,1.0,1.1,5\n"),
       1,
       {"3.csv:3", "high", "'x'"}},
      {"a column short", prepare("4.csv", head + first + "2024-01-02 00:01,1.1,1.2\n"), 1, {"4.csv:3"}},
      {"no column of closes",
       prepare("5.csv", "time,open,high,low,volume\n2024-01-02 00:00,1,1,1,5\n"),
       1,
       {"5.csv:1", "close"}},
      {"time that goes back",
       prepare("6.csv", head + first + "2024-01-01 23:59,1.1,1.2,1.0,1.1,5\n"),
       1,
       {"6.csv:3", "2024-01-01 23:59"}},
      {"a time twice", prepare("7.csv", head + first + first), 1, {"7.csv:3"}},
      {"a high below the low",
       prepare("8.csv", head + "2024-01-02 00:00,1.1,0.9,1.0,1.1,5\n"),
       1,
       {"8.csv:2", "high"}},
      {"a price of NaN",
       prepare("9.csv", head + "2024-01-02 00:00,nan,1.2,1.0,1.1,5\n"),
       1,
       {"9.csv:2", "nan"}},
      {"a price below zero", prepare("10.csv", head + "2024-01-02 00:00,-1,1.2,-1,1.1,5\n"), 1, {"10.csv:2"}},
      {"no such day",
       prepare("11.csv", head + "2024-02-30 00:00,1.1,1.2,1.0,1.1,5\n"),
       1,
       {"11.csv:2", "2024-02-30"}},
      {"bytes",
       prepare("12.csv", std::string("\0\1\2\3\n\xff\xfe\0\n", 9)),
       1,
       {"12.csv:1",
        "'?"
        "?"
        "?"
        "?'"}},
      {"too few bars", prepare("13.csv", head + first), 1, {"bar"}},
      {"an unknown feature",
       {"prepare", "bars", "--input", fixtures() + "/bars.csv", "--output", "out.h5",
        "prepare.features=[retrun]"},
       2,
       {"retrun", "return"}},
      {"an unknown timeframe",
       {"prepare", "bars", "--input", fixtures() + "/bars.csv", "--output", "out.h5",
        "prepare.windows={M1: 4, Q3: 2}"},
       2,
       {"Q3"}},
      {"splits that leave nothing",
       {"prepare", "bars", "--input", fixtures() + "/bars.csv", "--output", "out.h5",
        "prepare.train_fraction=0.9", "prepare.val_fraction=0.2"},
       2,
       {"val_fraction"}},
  });
}

// A copy of the fixtures' run with one file of its newest checkpoint changed.
std::string spoiled_run(const std::string& name,
                        const std::function<void(const fs::path& checkpoint)>& spoil) {
  const std::string run = fixtures() + "/" + name;
  fs::copy(fixtures() + "/run", run, fs::copy_options::recursive | fs::copy_options::copy_symlinks);
  const std::string checkpoint = fs::canonical(run + "/checkpoints/last");
  spoil(checkpoint);
  return checkpoint;
}

void flip_last_byte(const fs::path& path) {
  std::string bytes = read_file(path);
  bytes.back() = static_cast<char>(bytes.back() ^ 1);
  std::ofstream(path, std::ios::binary) << bytes;
}

CATCH_TEST_CASE("bad input: checkpoints", "[unit]") {
  const std::string run = fixtures() + "/run";
  const auto eval = [](const std::string& path) { return std::vector<std::string>{"eval", path}; };
  const auto spoiled = [&](const std::string& name, const std::function<void(const fs::path&)>& spoil) {
    return eval(spoiled_run(name, spoil));
  };
  const auto cut_half = [](const fs::path& path) { fs::resize_file(path, fs::file_size(path) / 2); };
  check_bad_inputs({
      {"weights cut short",
       spoiled("cut", [&](const fs::path& p) { cut_half(p / "model.safetensors"); }),
       1,
       {"cut/checkpoints", "model.safetensors"}},
      {"weights altered",
       spoiled("altered", [](const fs::path& p) { flip_last_byte(p / "model.safetensors"); }),
       1,
       {"altered/checkpoints", "model.safetensors"}},
      {"weights gone",
       spoiled("gone", [](const fs::path& p) { fs::remove(p / "model.safetensors"); }),
       1,
       {"gone/checkpoints", "model.safetensors"}},
      {"state that is not JSON",
       spoiled("state", [&](const fs::path& p) { cut_half(p / "state.json"); }),
       1,
       {"state/checkpoints", "state.json"}},
      {"no description of the data",
       spoiled("spec", [](const fs::path& p) { fs::remove(p / "data_spec.safetensors"); }),
       1,
       {"spec/checkpoints", "data_spec.safetensors"}},
      {"a config altered",
       spoiled("config", [](const fs::path& p) { flip_last_byte(p / "config.yaml"); }),
       1,
       {"config/checkpoints", "config.yaml"}},
      {"a model of another size", {"eval", run, "model.hidden=16"}, 1, {"checkpoints", "[32,8] for [64,16]"}},
      {"another model", {"eval", run, "model.name=mlp"}, 2, {"checkpoints", "model.hidden"}},
      {"resumed with another model",
       {"train", fixtures() + "/job.yaml", "--run-dir", run, "--resume", "model.hidden=16"},
       2,
       {"model.hidden", "8", "16"}},
      {"data of other windows",
       {"eval", run, "data.path=" + fixtures() + "/other.h5"},
       2,
       {"other.h5", "M1", "[16,3]", "[20,3]"}},
      {"an export of broken weights",
       {"export", spoiled_run("broken", [&](const fs::path& p) { cut_half(p / "model.safetensors"); }),
        "--output", "m.pt"},
       1,
       {"model.safetensors"}},
  });
}

CATCH_TEST_CASE("bad input: full disks leave nothing half-written", "[unit]") {
  const std::string job = fixtures() + "/job.yaml", run = fixtures() + "/run", csv = fixtures() + "/bars.csv";
  check_bad_inputs({
      {"bars made", {"synth", "bars", "--output", "x.csv", "--minutes", "4000"}, 1, {"x.csv"}, 10000},
      {"samples prepared",
       {"prepare", "bars", "--config", job, "--input", csv, "--output", "x.h5"},
       1,
       {"x.h5"},
       10000},
      {"windows prepared",
       {"prepare", "bars", "--config", job, "--input", csv, "--output", "x.h5", "--layout", "windows"},
       1,
       {"x.h5"},
       50000},
      {"predictions written", {"eval", run, "--predictions", "p.h5", "--with-inputs"}, 1, {"p.h5"}, 5000},
      {"a report written", {"eval", run, "--json", "r.json"}, 1, {"r.json"}, 1000},
      {"a model exported", {"export", run, "--output", "m.pt"}, 1, {"m.pt"}, 1000},
      {"a checkpoint saved",
       {"train", job, "model.hidden=64", "--run-dir", "new"},
       1,
       {"new/checkpoints"},
       40000,
       true,
       {"new"}},
  });
}

}  // namespace
}  // namespace athanor::testing
