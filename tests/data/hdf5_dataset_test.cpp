#include <ATen/ops/equal.h>

#include <catch2/catch.hpp>

#include "data/chunk_loader.h"
#include "data/dataset.h"
#include "data/hdf5/hdf5_file.h"
#include "src/core/config.h"
#include "src/core/error.h"
#include "tests/data/test_files.h"

using namespace athanor;
using Catch::Matchers::Contains;

namespace {

struct Job {
  DatasetChoice data{dataset_components(), "windows"};
  void list_fields(Fields& fields) { fields.choice("data", data, "what to read"); }
};

std::unique_ptr<Dataset> open_dataset(const std::string& name, const std::string& path,
                                      std::vector<std::string> overrides = {}) {
  Job job;
  overrides.insert(overrides.begin(), {"data.name=" + name, "data.path=" + path});
  read_config("", overrides, fields_of(job));
  return job.data.make();
}

// All samples of a split, in order, as one batch.
Batch read_split(const Dataset& dataset, Split split) {
  LoaderOptions options;
  options.order = "sequential";
  auto source = dataset.open(split);
  options.batch_size = source->size();
  ChunkDataLoader loader(std::move(source), dataset.spec(), options, 0, at::kCPU);
  loader.start_epoch(0);
  Batch batch = *loader.next();
  for (auto& [name, tensor] : batch.inputs) tensor = tensor.clone();
  for (auto& [name, tensor] : batch.labels) tensor = tensor.clone();
  batch.time = batch.time.defined() ? batch.time.clone() : batch.time;
  return batch;
}

float element(int64_t i, int64_t t, int64_t f) {
  return static_cast<float>((31 * i + 7 * t + 3 * f) % 256 - 128) / 16;
}

// A file of windows with one thing changed.
class WindowsFile {
 public:
  std::string path() const { return folder_.file("w.h5"); }
  Hdf5File create() const { return Hdf5File::create(path()); }
  void write(const std::function<void(Hdf5File&)>& change, int64_t labels = 10) const {
    Hdf5File file = create();
    file.write<float>("sequences/M1", std::vector<float>(10 * 4 * 2, 1.5F), {10, 4, 2});
    std::vector<int64_t> direction(static_cast<size_t>(labels), 1);
    file.write<int64_t>("labels/direction", direction, {labels});
    change(file);
    file.close();
  }

 private:
  TemporaryFolder folder_;
};

}  // namespace

CATCH_TEST_CASE("windows: a file that h5py wrote, with nothing optional in it but names and time", "[unit]") {
  const auto dataset = open_dataset("windows", golden("foreign_windows.h5"));
  const DataSpec& spec = dataset->spec();
  CATCH_REQUIRE(spec.inputs.size() == 2);
  CATCH_CHECK(spec.find_input("M1")->shape == std::vector<int64_t>{6, 3});
  CATCH_CHECK(spec.find_input("H1")->shape == std::vector<int64_t>{2, 3});
  CATCH_CHECK(spec.find_label("direction")->dtype == at::kLong);
  CATCH_CHECK(spec.find_label("magnitude")->dtype == at::kFloat);
  CATCH_CHECK(spec.feature_names == std::vector<std::string>{"open", "close", "volume"});
  CATCH_CHECK(spec.constants.empty());
  const Batch train = read_split(*dataset, Split::kTrain);
  const Batch test = read_split(*dataset, Split::kTest);
  CATCH_CHECK((train.size == 28 && test.size == 6));
  CATCH_CHECK(test.inputs.at("M1")[1][5][2].item<float>() == element(35, 5, 2));
  CATCH_CHECK(test.inputs.at("H1")[1][1][2].item<float>() == element(35, 1, 2));
  CATCH_CHECK(test.labels.at("direction")[1].item<int64_t>() == 35 % 3);
  CATCH_CHECK(test.labels.at("magnitude")[1].item<float>() == 35.0F / 8);
  CATCH_CHECK(test.time[1].item<int64_t>() == 1'700'000'000 + 300 * 35);
  CATCH_CHECK_THAT(dataset->describe(), Contains("train: 28 samples"));
}

CATCH_TEST_CASE("windows: inputs picks timeframes in the order given", "[unit]") {
  const auto dataset = open_dataset("windows", golden("foreign_windows.h5"), {"data.inputs=[M1]"});
  CATCH_CHECK(dataset->spec().inputs.size() == 1);
  CATCH_CHECK_THROWS_WITH(open_dataset("windows", golden("foreign_windows.h5"), {"data.inputs=[M2]"}),
                          Contains("data.inputs") && Contains("M1"));
}

CATCH_TEST_CASE("features: the seed's layout, gzip, several targets", "[unit]") {
  const auto dataset = open_dataset("features", golden("foreign_features.h5"));
  CATCH_CHECK(dataset->spec().find_label("target")->shape == std::vector<int64_t>{2});
  CATCH_CHECK(dataset->spec().feature_names == std::vector<std::string>{"f0", "f1", "f2"});
  const Batch val = read_split(*dataset, Split::kVal);
  CATCH_CHECK(val.size == 6);
  CATCH_CHECK(val.inputs.at("features")[0][2][1].item<float>() == element(28, 2, 1));
  CATCH_CHECK(val.labels.at("target")[5][1].item<float>() == -33);
  CATCH_CHECK_FALSE(val.time.defined());
}

CATCH_TEST_CASE("windows: without splits in the file, fractions and an embargo cut them in order", "[unit]") {
  const auto dataset = open_dataset("windows", golden("foreign_windows.h5"),
                                    {"data.train_fraction=0.5", "data.val_fraction=0.25", "data.embargo=3"});
  CATCH_CHECK(dataset->open(Split::kTrain)->size() == 17);
  CATCH_CHECK(dataset->open(Split::kVal)->size() == 7);
  CATCH_CHECK(dataset->open(Split::kTest)->size() == 10);
  CATCH_CHECK(read_split(*dataset, Split::kVal).labels.at("magnitude")[0].item<float>() == 20.0F / 8);
}

CATCH_TEST_CASE("windows: splits and scalers of the file become ranges and constants", "[unit]") {
  const WindowsFile windows;
  windows.write([](Hdf5File& file) {
    const std::vector<std::vector<int64_t>> ranges = {{0, 5}, {6, 8}, {9, 10}};
    file.write<int64_t>("splits/train", ranges[0], {2});
    file.write<int64_t>("splits/val", ranges[1], {2});
    file.write<int64_t>("splits/test", ranges[2], {2});
    file.write<float>("scaler/mean/M1", std::vector<float>{1, 2}, {2});
    file.write<float>("scaler/scale/M1", std::vector<float>{3, 4}, {2});
    file.write_text("feature_names", R"(["return","volume"])");
    file.write_text("metadata", R"({"pip":0.01,"windows":{"M1":4}})");
  });
  const auto dataset = open_dataset("windows", windows.path());
  CATCH_CHECK(dataset->open(Split::kVal)->size() == 2);
  CATCH_CHECK(dataset->spec().constants.at("scale/M1")[1].item<float>() == 4);
  CATCH_CHECK(dataset->spec().pip == 0.01);
  CATCH_CHECK(dataset->spec().feature_names == std::vector<std::string>{"return", "volume"});
}

CATCH_TEST_CASE("features: the scaler is that of the timeframe which the file names", "[unit]") {
  const WindowsFile windows;
  Hdf5File file = windows.create();
  file.write<float>("features", std::vector<float>(10 * 4 * 2, 1), {10, 4, 2});
  file.write<float>("targets", std::vector<float>(10, 0), {10});
  file.write<float>("scaler/mean/M5", std::vector<float>{1, 2}, {2});
  file.write<float>("scaler/scale/M5", std::vector<float>{3, 4}, {2});
  file.write_text("metadata", R"({"features_timeframe":"M5"})");
  file.close();
  const auto dataset = open_dataset("features", windows.path());
  CATCH_CHECK(dataset->spec().constants.at("mean/features")[1].item<float>() == 2);
  CATCH_CHECK(dataset->spec().constants.at("scale/features")[0].item<float>() == 3);
}

CATCH_TEST_CASE("windows: what does not fit together is refused in one line", "[unit]") {
  const WindowsFile windows;
  const auto refused = [&](const std::function<void(Hdf5File&)>& change, int64_t labels = 10) {
    windows.write(change, labels);
    try {
      open_dataset("windows", windows.path());
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string("accepted");
  };
  const std::vector<float> two = {1, 2};
  const std::vector<int64_t> range = {5, 99};
  CATCH_CHECK_THAT(refused([](Hdf5File&) {}, 9),
                   Contains("labels/direction") && Contains("10 as in sequences/M1"));
  CATCH_CHECK_THAT(refused([&](Hdf5File& file) { file.write<float>("sequences/M5", two, {2}); }),
                   Contains("sequences/M5: wrong rank"));
  CATCH_CHECK_THAT(
      refused([&](Hdf5File& file) { file.write<float>("labels/none", std::vector<float>{}, {0}); }),
      Contains("labels/none: is empty"));
  CATCH_CHECK_THAT(refused([&](Hdf5File& file) { file.write_text("labels/note", "x"); }),
                   Contains("labels/note: wrong type"));
  CATCH_CHECK_THAT(refused([&](Hdf5File& file) { file.write_text("feature_names", R"(["a","b","c"])"); }),
                   Contains("feature_names") && Contains("expected 2 names, got 3"));
  CATCH_CHECK_THAT(refused([&](Hdf5File& file) { file.write_text("metadata", "{"); }),
                   Contains("metadata: is not a JSON object"));
  CATCH_CHECK_THAT(refused([&](Hdf5File& file) { file.write<int64_t>("splits/train", range, {2}); }),
                   Contains("splits/train: is no range of samples"));
  CATCH_CHECK_THAT(refused([&](Hdf5File& file) {
                     file.write<float>("scaler/mean/M1", two, {2});
                     file.write<float>("scaler/scale/M1", std::vector<float>{1, 0}, {2});
                   }),
                   Contains("scaler/scale/M1") && Contains("> 0"));
}

CATCH_TEST_CASE("datasets: a file of another layout says which dataset reads it", "[unit]") {
  CATCH_CHECK_THROWS_WITH(open_dataset("windows", golden("foreign_features.h5")),
                          Contains("data.name=features"));
  CATCH_CHECK_THROWS_WITH(open_dataset("features", golden("foreign_windows.h5")),
                          Contains("data.name=windows"));
  CATCH_CHECK_THROWS_WITH(open_dataset("features", golden("lz4.h5")), Contains("lz4 (32004)"));
  CATCH_CHECK_THROWS_WITH(open_dataset("features", golden("none.h5")), Contains("No such file"));
}

CATCH_TEST_CASE("datasets: NaN stops the reading, and is let through where that is asked for", "[unit]") {
  const WindowsFile windows;
  Hdf5File file = windows.create();
  std::vector<float> values(10 * 4 * 2, 1);
  values[3 * 8 + 2 * 2 + 1] = std::numeric_limits<float>::quiet_NaN();
  file.write<float>("features", values, {10, 4, 2});
  file.write<float>("targets", std::vector<float>(10, 0), {10});
  file.close();
  const auto checked = open_dataset("features", windows.path());
  CATCH_CHECK_THROWS_WITH(read_split(*checked, Split::kTrain),
                          Contains("features: NaN at sample 3, time step 2, feature 1 ('f1')"));
  const auto unchecked = open_dataset("features", windows.path(), {"data.check_finite=false"});
  CATCH_CHECK(read_split(*unchecked, Split::kTrain).inputs.at("features").isnan().sum().item<int64_t>() == 1);
}
