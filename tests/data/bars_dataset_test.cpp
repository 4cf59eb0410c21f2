#include <ATen/core/Tensor.h>

#include <catch2/catch.hpp>
#include <cstring>
#include <numeric>

#include "data/bars/prepared_file.h"
#include "data/dataset.h"
#include "data/hdf5/hdf5_file.h"
#include "src/core/config.h"
#include "src/core/text.h"
#include "src/core/thread_pool.h"
#include "tests/data/bars/bars_fixtures.h"

using namespace athanor;

namespace {

struct Written {
  Bars bars = random_bars(9000, 71);
  PrepareConfig config = small_config();
  PreparedBars data = prepare_bars(bars, config);
  TemporaryFolder folder;

  std::string write(const std::string& layout) {
    config.layout = layout;
    const std::string path = folder.file(layout + ".h5");
    write_prepared(data, bars, config, "M1.csv", path);
    return path;
  }
};

struct DataSection {
  DatasetChoice data{dataset_components(), "bars"};
  void list_fields(Fields& fields) { fields.choice("data", data, "the dataset"); }
};

std::unique_ptr<Dataset> open_dataset(const std::vector<std::string>& overrides) {
  DataSection section;
  read_config("", overrides, fields_of(section));
  return section.data.make();
}

// Every array of every sample of a split, one sample after the other.
std::vector<std::string> read_all(const SampleSource& source, int threads) {
  std::vector<int64_t> samples(source.size());
  std::iota(samples.begin(), samples.end(), 0);
  std::vector<std::string> bytes;
  std::vector<SlotArray> slots;
  for (const auto& array : source.arrays()) {
    int64_t count = static_cast<int64_t>(c10::elementSize(array.dtype));
    for (const int64_t size : array.shape) count *= size;
    bytes.emplace_back(count * source.size(), '\0');
    slots.push_back({.base = bytes.back().data(),
                     .slot_bytes = count,
                     .slots_per_group = source.size(),
                     .group_stride_bytes = count * source.size()});
  }
  for (size_t i = 0; i < slots.size(); ++i) slots[i].base = bytes[i].data();
  ThreadPool pool(threads);
  source.read(samples, slots, pool);
  return bytes;
}

template <class T>
std::string bytes_of(const std::vector<T>& values, SplitRange range, int64_t each = 1) {
  return {reinterpret_cast<const char*>(values.data() + range.begin * each), range.size() * each * sizeof(T)};
}

}  // namespace

CATCH_TEST_CASE("bars dataset: windows cut on the fly equal the stored windows bit for bit", "[unit]") {
  Written made;
  const auto dataset = open_dataset({"data.name=bars", "data.path=" + made.write("bars")});
  const Hdf5File stored = Hdf5File::open(made.write("windows"));
  for (const Split split : {Split::kTrain, Split::kVal, Split::kTest}) {
    const auto source = dataset->open(split);
    const SplitRange range = made.data.splits[static_cast<size_t>(split)];
    CATCH_REQUIRE(source->size() == range.size());
    const auto arrays = read_all(*source, 2);
    for (size_t k = 0; k < source->arrays().size(); ++k) {
      const auto& array = source->arrays()[k];
      CATCH_INFO(split_name(split) << " " << array.name);
      if (array.shape.size() == 2) {
        const auto windows = stored.read<float>("sequences/" + array.name);
        CATCH_CHECK(arrays[k] == bytes_of(windows, range, array.shape[0] * array.shape[1]));
      } else if (array.name == "time") {
        CATCH_CHECK(arrays[k] == bytes_of(made.data.time, range));
      } else if (array.dtype == at::kLong) {
        CATCH_CHECK(arrays[k] == bytes_of(stored.read<int64_t>("labels/" + array.name), range));
      } else {
        CATCH_CHECK(arrays[k] == bytes_of(stored.read<float>("labels/" + array.name), range));
      }
    }
    CATCH_CHECK(arrays == read_all(*source, 0));
  }
}

CATCH_TEST_CASE("bars dataset: says what it gives, with the scaler of the training part", "[unit]") {
  Written made;
  const auto dataset = open_dataset({"data.name=bars", "data.path=" + made.write("bars")});
  const DataSpec& spec = dataset->spec();
  CATCH_CHECK(spec.pip == 0.0001);
  CATCH_CHECK(spec.feature_names == made.config.features);
  const int64_t columns = static_cast<int64_t>(made.config.features.size());
  CATCH_REQUIRE(spec.find_input("M5") != nullptr);
  CATCH_CHECK(spec.find_input("M5")->shape == std::vector<int64_t>{12, columns});
  CATCH_REQUIRE(spec.find_label("direction") != nullptr);
  CATCH_CHECK(spec.find_label("direction")->dtype == at::kLong);
  CATCH_REQUIRE(spec.find_label("magnitude") != nullptr);
  CATCH_CHECK(spec.find_label("magnitude")->dtype == at::kFloat);
  for (const auto& timeframe : made.data.timeframes) {
    const at::Tensor mean = spec.constants.at("mean/" + timeframe.name);
    const at::Tensor scale = spec.constants.at("scale/" + timeframe.name);
    CATCH_REQUIRE(mean.numel() == columns);
    CATCH_CHECK(std::equal(timeframe.mean.begin(), timeframe.mean.end(), mean.const_data_ptr<float>()));
    CATCH_CHECK(std::equal(timeframe.scale.begin(), timeframe.scale.end(), scale.const_data_ptr<float>()));
  }
  CATCH_CHECK(dataset->open(Split::kTrain)->arrays().back().name == "time");
  CATCH_CHECK(dataset->describe().find(text("train: ", made.data.splits[0].size(), " samples")) !=
              std::string::npos);
}

CATCH_TEST_CASE("bars dataset: shorter windows and fewer timeframes are the ends of the long ones",
                "[unit]") {
  Written made;
  const std::string path = made.write("bars");
  const auto whole = open_dataset({"data.name=bars", "data.path=" + path});
  const auto part = open_dataset({"data.name=bars", "data.path=" + path, "data.windows={H1: 3, M1: 10}"});
  CATCH_REQUIRE(part->spec().inputs.size() == 2);
  CATCH_CHECK(part->spec().inputs[0].name == "H1");
  const auto long_windows = read_all(*whole->open(Split::kVal), 1),
             short_windows = read_all(*part->open(Split::kVal), 1);
  const int64_t row = static_cast<int64_t>(made.config.features.size() * sizeof(float));
  for (int64_t n = 0; n < made.data.splits[1].size(); ++n) {
    CATCH_REQUIRE(short_windows[0].substr(n * 3 * row, 3 * row) ==
                  long_windows[3].substr((n * 5 + 2) * row, 3 * row));
    CATCH_REQUIRE(short_windows[1].substr(n * 10 * row, 10 * row) ==
                  long_windows[0].substr((n * 40 + 30) * row, 10 * row));
  }
}

CATCH_TEST_CASE("bars dataset: windows that the file lacks are refused", "[unit]") {
  Written made;
  const std::string path = "data.path=" + made.write("bars");
  const auto message = [&](const std::string& windows) {
    return error_of([&] { open_dataset({"data.name=bars", path, "data.windows=" + windows}); });
  };
  CATCH_CHECK(message("{M10: 4}").find("no timeframe 'M10'") != std::string::npos);
  CATCH_CHECK(message("{M5: 13}").find("expected 1 to 12, got 13") != std::string::npos);
}
