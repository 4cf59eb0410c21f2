#include "data/bars/prepared_file.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "data/hdf5/hdf5_file.h"
#include "src/core/error.h"
#include "src/core/files.h"
#include "src/core/text.h"

namespace athanor {
namespace {

using Json = nlohmann::ordered_json;

constexpr int64_t kRowsAtOnce = 64;
constexpr int kFormatVersion = 1;

template <class T>
void write_column(Hdf5File& file, const std::string& name, const std::vector<T>& values) {
  file.write<T>(name, std::span<const T>(values), {static_cast<int64_t>(values.size())});
}

std::string metadata_text(const PreparedBars& data, const PrepareConfig& config, const std::string& source) {
  Json windows = Json::object();
  for (const auto& timeframe : data.timeframes) windows[timeframe.name] = timeframe.window;
  Json metadata = {{"format", "athanor bars"},
                   {"version", kFormatVersion},
                   {"layout", config.layout},
                   {"source", source},
                   {"pip", data.rule.pip},
                   {"base_seconds", data.base_seconds},
                   {"windows", windows},
                   {"horizon_bars", data.rule.horizon_bars},
                   {"scalp_bars", data.rule.scalp_bars},
                   {"threshold_pips", data.rule.threshold_pips},
                   {"threshold_atr", data.rule.threshold_atr},
                   {"stride_bars", config.stride_bars},
                   {"max_gap_minutes", config.max_gap_minutes},
                   {"embargo_minutes", config.embargo_minutes}};
  if (config.layout == "features") metadata["features_timeframe"] = config.features_timeframe;
  return metadata.dump(2);
}

void write_common(Hdf5File& file, const PreparedBars& data, const PrepareConfig& config,
                  const std::string& source) {
  write_column(file, "samples/time", data.time);
  write_column(file, "samples/label_end", data.label_end);
  write_column(file, "labels/direction", data.labels.direction);
  write_column(file, "labels/magnitude", data.labels.magnitude);
  write_column(file, "labels/magnitude_scalp", data.labels.magnitude_scalp);
  write_column(file, "labels/magnitude_swing", data.labels.magnitude_swing);
  write_column(file, "labels/trend", data.labels.trend);
  write_column(file, "labels/past_direction", data.labels.past_direction);
  write_column(file, "labels/past_magnitude", data.labels.past_magnitude);
  for (size_t k = 0; k < data.splits.size(); ++k) {
    write_column<int64_t>(file, text("splits/", kSplitNames[k]), {data.splits[k].begin, data.splits[k].end});
  }
  for (const auto& timeframe : data.timeframes) {
    write_column(file, "scaler/mean/" + timeframe.name, timeframe.mean);
    write_column(file, "scaler/scale/" + timeframe.name, timeframe.scale);
  }
  file.write_text("feature_names", Json(data.feature_names).dump());
  file.write_text("metadata", metadata_text(data, config, source));
}

void write_bars_layout(Hdf5File& file, const PreparedBars& data) {
  for (const auto& timeframe : data.timeframes) {
    const std::string group = "bars/" + timeframe.name;
    file.write<float>(group + "/features", timeframe.features.values,
                      {timeframe.features.rows, timeframe.features.columns});
    write_column(file, group + "/close_time", timeframe.close_time);
    write_column(file, "samples/end/" + timeframe.name, timeframe.end);
  }
}

void write_windows(Hdf5File& file, const std::string& name, const TimeframeData& timeframe,
                   const PrepareConfig& config) {
  const int64_t samples = static_cast<int64_t>(timeframe.end.size());
  const int64_t row_floats = timeframe.window * timeframe.features.columns;
  const int64_t chunk_rows =
      config.gzip_level > 0 && config.chunk_rows == 0 ? kRowsAtOnce : config.chunk_rows;
  file.create_dataset<float>(name, {samples, timeframe.window, timeframe.features.columns},
                             {.chunk_rows = std::min(chunk_rows, samples),
                              .gzip_level = static_cast<int>(config.gzip_level),
                              .shuffle = config.gzip_level > 0});
  const int64_t rows_at_once = chunk_rows > 0 ? chunk_rows : kRowsAtOnce;
  std::vector<float> buffer(rows_at_once * row_floats);
  for (int64_t first = 0; first < samples; first += rows_at_once) {
    const int64_t count = std::min(rows_at_once, samples - first);
    for (int64_t i = 0; i < count; ++i) {
      std::memcpy(buffer.data() + i * row_floats,
                  timeframe.features.row(timeframe.end[first + i] - timeframe.window),
                  row_floats * sizeof(float));
    }
    file.write_rows<float>(name, first, count, buffer.data());
  }
}

void write_features_layout(Hdf5File& file, const PreparedBars& data, const Bars& bars,
                           const PrepareConfig& config) {
  for (const auto& timeframe : data.timeframes) {
    if (timeframe.name == config.features_timeframe) write_windows(file, "features", timeframe, config);
  }
  file.write<float>("targets", future_paths(bars, data.bar, data.rule),
                    {data.samples(), data.rule.horizon_bars});
}

// Reads a prepared file and checks that its arrays fit together.
class Reader {
 public:
  explicit Reader(const std::string& path) : file_(Hdf5File::open(path)) {}

  PreparedFile read() {
    const Json metadata = read_metadata();
    out_.pip = metadata.value("pip", 0.0);
    out_.feature_names = parse_json("feature_names").get<std::vector<std::string>>();
    out_.time = file_.read<int64_t>("samples/time");
    out_.label_end = column<int64_t>("samples/label_end");
    for (const auto& [name, window] : metadata.at("windows").items())
      read_timeframe(name, window.get<int64_t>());
    for (const auto& name : file_.list("labels")) read_label(name);
    for (size_t k = 0; k < out_.splits.size(); ++k) read_split(k);
    out_.file_bytes = static_cast<int64_t>(std::filesystem::file_size(file_.path()));
    return std::move(out_);
  }

 private:
  [[noreturn]] void fail(const std::string& dataset, const std::string& what,
                         const std::string& expected = "", const std::string& got = "",
                         const std::string& hint = "") const {
    throw Error({.where = file_.path() + ": " + dataset,
                 .what = what,
                 .expected = expected,
                 .got = got,
                 .hint = hint});
  }

  Json parse_json(const std::string& dataset) const {
    Json value = Json::parse(file_.read_text(dataset), nullptr, false);
    if (value.is_discarded()) fail(dataset, "is not JSON");
    return value;
  }

  Json read_metadata() const {
    const std::string hint = "make it with: athanor prepare bars --input M1.csv --output bars.h5";
    if (!file_.has("bars")) {
      const bool windows = file_.has("sequences"), features = file_.has("features");
      fail("bars", "not a file of prepared bars", "bars/, samples/, labels/", join(file_.list("/"), ", "),
           windows    ? "its windows are stored: data.name=windows reads it"
           : features ? "data.name=features reads it"
                      : hint);
    }
    Json metadata = parse_json("metadata");
    if (!metadata.is_object() || !metadata.contains("windows") || !metadata["windows"].is_object()) {
      fail("metadata", "names no windows", "", "", hint);
    }
    return metadata;
  }

  template <class T>
  std::vector<T> column(const std::string& dataset) const {
    std::vector<T> values = file_.read<T>(dataset);
    if (values.size() != out_.time.size()) {
      fail(dataset, "wrong length", text(out_.time.size(), " (samples/time)"), text(values.size()));
    }
    return values;
  }

  void read_label(const std::string& name) {
    const std::string dataset = "labels/" + name;
    const NumberType type = file_.info(dataset).type;
    if (type == NumberType::kInt64 || type == NumberType::kInt32) {
      out_.class_labels.emplace_back(name, column<int64_t>(dataset));
    } else {
      out_.value_labels.emplace_back(name, column<float>(dataset));
      for (const float value : out_.value_labels.back().second) {
        if (!std::isfinite(value)) fail(dataset, "holds NaN or infinity");
      }
    }
  }

  void read_split(size_t k) {
    const std::string dataset = text("splits/", kSplitNames[k]);
    const auto range = file_.read<int64_t>(dataset);
    if (range.size() != 2 || range[0] < 0 || range[0] > range[1] ||
        range[1] > static_cast<int64_t>(out_.time.size())) {
      fail(dataset, "is no range of samples", text("[begin,end) within [0,", out_.time.size(), ")"));
    }
    out_.splits[k] = {range[0], range[1]};
  }

  void read_timeframe(const std::string& name, int64_t window) {
    TimeframeData data;
    data.name = name;
    data.window = window;
    const std::string dataset = "bars/" + name + "/features";
    const auto shape = file_.info(dataset).shape;
    const int64_t columns = static_cast<int64_t>(out_.feature_names.size());
    if (shape.size() != 2 || shape[1] != columns) {
      fail(dataset, "wrong shape", text("[n,", columns, "]"), shape_text(shape));
    }
    data.features = {
        .rows = shape[0], .columns = shape[1], .warmup_bars = 0, .values = file_.read<float>(dataset)};
    for (size_t i = 0; i < data.features.values.size(); ++i) {
      if (std::isfinite(data.features.values[i])) continue;
      fail(dataset,
           text("NaN or infinity in row ", i / columns, ", feature '", out_.feature_names[i % columns], "'"));
    }
    data.close_time = file_.read<int64_t>("bars/" + name + "/close_time");
    data.end = column<int64_t>("samples/end/" + name);
    for (const int64_t end : data.end) {
      if (window <= 0 || end < window || end > data.features.rows) {
        fail("samples/end/" + name, "a window lies outside the bars",
             text("ends in [", window, ",", shape[0], "]"), text(end));
      }
    }
    data.mean = file_.read<float>("scaler/mean/" + name);
    data.scale = file_.read<float>("scaler/scale/" + name);
    if (static_cast<int64_t>(data.mean.size()) != columns ||
        static_cast<int64_t>(data.scale.size()) != columns) {
      fail("scaler/mean/" + name, "wrong length", text(columns, " features"), text(data.mean.size()));
    }
    out_.timeframes.push_back(std::move(data));
  }

  Hdf5File file_;
  PreparedFile out_;
};

}  // namespace

void write_prepared(const PreparedBars& data, const Bars& bars, const PrepareConfig& config,
                    const std::string& source, const std::string& path) {
  AtomicPath target(path);
  {
    Hdf5File file = Hdf5File::create(target.path());
    write_common(file, data, config, source);
    if (config.layout == "bars") write_bars_layout(file, data);
    if (config.layout == "features") write_features_layout(file, data, bars, config);
    if (config.layout == "windows") {
      for (const auto& timeframe : data.timeframes)
        write_windows(file, "sequences/" + timeframe.name, timeframe, config);
    }
    file.close();
  }
  target.commit();
}

int64_t bars_layout_bytes(const PreparedBars& data) {
  int64_t bytes = 0;
  for (const auto& timeframe : data.timeframes) {
    bytes += timeframe.features.rows * (timeframe.features.columns * 4 + 8) + data.samples() * 8;
  }
  return bytes;
}

int64_t windows_layout_bytes(const PreparedBars& data) {
  int64_t bytes = 0;
  for (const auto& timeframe : data.timeframes) {
    bytes += data.samples() * timeframe.window * timeframe.features.columns * 4;
  }
  return bytes;
}

PreparedFile load_prepared(const std::string& path) { return Reader(path).read(); }

}  // namespace athanor
