#include "data/bars/prepared_file.h"

#include <sys/resource.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <fstream>

#include "data/hdf5/hdf5_file.h"
#include "tests/data/bars/bars_fixtures.h"

using namespace athanor;

namespace {

struct Prepared {
  Bars bars = random_bars(9000, 61);
  PrepareConfig config = small_config();
  PreparedBars data = prepare_bars(bars, config);
  TemporaryFolder folder;

  std::string write(const std::string& layout, int64_t gzip_level = 0, int64_t chunk_rows = 0) {
    config.layout = layout;
    config.gzip_level = gzip_level;
    config.chunk_rows = chunk_rows;
    const std::string path = folder.file(layout + ".h5");
    write_prepared(data, bars, config, "M1.csv", path);
    return path;
  }
};

// No file can grow beyond `bytes` while this lives, as on a full disk.
class SmallDisk {
 public:
  explicit SmallDisk(rlim_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    getrlimit(RLIMIT_FSIZE, &before_);
    rlimit limit = before_;
    limit.rlim_cur = bytes;
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~SmallDisk() {
    setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }

 private:
  rlimit before_{};
  void (*handler_)(int);
};

}  // namespace

CATCH_TEST_CASE("prepared file: what is written in layout bars is read back bit for bit", "[unit]") {
  Prepared made;
  const PreparedFile file = load_prepared(made.write("bars"));
  CATCH_CHECK(file.pip == 0.0001);
  CATCH_CHECK(file.feature_names == made.data.feature_names);
  CATCH_CHECK(file.time == made.data.time);
  CATCH_CHECK(file.label_end == made.data.label_end);
  for (int k = 0; k < 3; ++k) {
    CATCH_CHECK(file.splits[k].begin == made.data.splits[k].begin);
    CATCH_CHECK(file.splits[k].end == made.data.splits[k].end);
  }
  CATCH_REQUIRE(file.timeframes.size() == made.data.timeframes.size());
  for (size_t k = 0; k < file.timeframes.size(); ++k) {
    const TimeframeData &read = file.timeframes[k], &written = made.data.timeframes[k];
    CATCH_CHECK(read.name == written.name);
    CATCH_CHECK(read.window == written.window);
    CATCH_CHECK(read.features.values == written.features.values);
    CATCH_CHECK(read.close_time == written.close_time);
    CATCH_CHECK(read.end == written.end);
    CATCH_CHECK(read.mean == written.mean);
    CATCH_CHECK(read.scale == written.scale);
  }
  CATCH_REQUIRE(file.class_labels.size() == 2);
  CATCH_CHECK(file.class_labels[0].first == "direction");
  CATCH_CHECK(file.class_labels[0].second == made.data.labels.direction);
  CATCH_CHECK(file.class_labels[1].second == made.data.labels.past_direction);
  CATCH_REQUIRE(file.value_labels.size() == 5);
  CATCH_CHECK(file.value_labels[0].first == "magnitude");
  CATCH_CHECK(file.value_labels[0].second == made.data.labels.magnitude);
  CATCH_CHECK(file.value_labels[4].first == "trend");
  CATCH_CHECK(file.value_labels[4].second == made.data.labels.trend);
}

CATCH_TEST_CASE("prepared file: stored windows equal windows cut from the bars, plain, chunked and with gzip",
                "[unit]") {
  Prepared made;
  const std::pair<int64_t, int64_t> ways[] = {{0, 0}, {0, 7}, {4, 0}, {1, 100}};
  for (const auto& [gzip_level, chunk_rows] : ways) {
    CATCH_INFO("gzip " << gzip_level << ", chunk rows " << chunk_rows);
    const Hdf5File file = Hdf5File::open(made.write("windows", gzip_level, chunk_rows));
    for (const auto& timeframe : made.data.timeframes) {
      const auto stored = file.read<float>("sequences/" + timeframe.name);
      const int64_t floats = timeframe.window * timeframe.features.columns;
      CATCH_REQUIRE(file.info("sequences/" + timeframe.name).shape ==
                    std::vector<int64_t>{made.data.samples(), timeframe.window, timeframe.features.columns});
      CATCH_REQUIRE(file.info("sequences/" + timeframe.name).chunked == (gzip_level > 0 || chunk_rows > 0));
      for (int64_t n = 0; n < made.data.samples(); ++n) {
        const float* cut = timeframe.features.row(timeframe.end[n] - timeframe.window);
        CATCH_REQUIRE(std::equal(cut, cut + floats, stored.data() + n * floats));
      }
    }
    CATCH_CHECK(file.read<int64_t>("labels/direction") == made.data.labels.direction);
    CATCH_CHECK(file.read<int64_t>("samples/time") == made.data.time);
  }
}

CATCH_TEST_CASE("prepared file: layout features is the seed's, one timeframe and the path ahead", "[unit]") {
  Prepared made;
  made.config.features_timeframe = "M5";
  const Hdf5File file = Hdf5File::open(made.write("features"));
  const int64_t samples = made.data.samples(), columns = static_cast<int64_t>(made.config.features.size());
  CATCH_CHECK(file.info("features").shape == std::vector<int64_t>{samples, 12, columns});
  CATCH_CHECK(file.info("targets").shape == std::vector<int64_t>{samples, 36});
  CATCH_CHECK(file.read<float>("targets") == future_paths(made.bars, made.data.bar, made.data.rule));
}

CATCH_TEST_CASE("prepared file: sizes are told before anything is written", "[unit]") {
  Prepared made;
  const auto size = [&](const std::string& layout) {
    return static_cast<double>(std::filesystem::file_size(made.write(layout)));
  };
  CATCH_CHECK(windows_layout_bytes(made.data) / size("windows") == Approx(1).margin(0.05));
  CATCH_CHECK(bars_layout_bytes(made.data) / size("bars") == Approx(1).margin(0.2));
}

CATCH_TEST_CASE("prepared file: nothing is left behind when writing fails, and an older file stays",
                "[unit]") {
  Prepared made;
  made.config.layout = "windows";
  const std::string path = made.folder.file("bars.h5");
  std::ofstream(path) << "older";
  std::string message;
  {
    const SmallDisk disk(200'000);
    message = error_of([&] { write_prepared(made.data, made.bars, made.config, "M1.csv", path); });
  }
  CATCH_INFO(message);
  CATCH_CHECK(message.find("bars.h5") != std::string::npos);
  CATCH_CHECK(message.find('\n') == std::string::npos);
  std::string content;
  std::ifstream(path) >> content;
  CATCH_CHECK(content == "older");
  CATCH_CHECK(
      std::distance(std::filesystem::directory_iterator(std::filesystem::path(path).parent_path()), {}) == 1);
  CATCH_CHECK_FALSE(error_of([&] {
                      write_prepared(made.data, made.bars, made.config, "M1.csv", "/nowhere/bars.h5");
                    }).empty());
}

CATCH_TEST_CASE("prepared file: foreign and damaged files are refused by name", "[unit]") {
  Prepared made;
  const auto message = [](const std::string& path) { return error_of([&] { load_prepared(path); }); };
  CATCH_CHECK(message(made.folder.file("none.h5")).find("none.h5") != std::string::npos);
  CATCH_CHECK(message(made.write("windows")).find("data.name=windows") != std::string::npos);
  CATCH_CHECK(message(made.write("features")).find("data.name=features") != std::string::npos);
  const auto damaged = [&](auto damage) {
    Prepared other;
    damage(other.data);
    return message(other.write("bars"));
  };
  CATCH_CHECK(damaged([](PreparedBars& d) {
                d.timeframes[1].features.values[100] = std::nanf("");
              }).find("NaN or infinity in row") != std::string::npos);
  CATCH_CHECK(damaged([](PreparedBars& d) {
                d.timeframes[1].end[5] = 1'000'000;
              }).find("lies outside the bars") != std::string::npos);
  CATCH_CHECK(damaged([](PreparedBars& d) {
                d.labels.magnitude.pop_back();
              }).find("labels/magnitude: wrong length") != std::string::npos);
  CATCH_CHECK(damaged([](PreparedBars& d) { d.splits[2].end += 1; }).find("splits/test: is no range") !=
              std::string::npos);
  CATCH_CHECK(damaged([](PreparedBars& d) { d.timeframes[0].mean.pop_back(); }).find("wrong length") !=
              std::string::npos);
}
