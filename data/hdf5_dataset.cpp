// Datasets that lie in HDF5 as stored windows: `windows` (sequences/* [N,T,F], labels/* [N]; what athanor
// prepare writes in that layout, or h5py) and `features` (the seed's layout: features [N,T,F], targets [N] or
// [N,K]). Optional: samples/time or time, splits/*, scaler/*, feature_names, metadata; attributes are not
// read.
#include <ATen/core/Tensor.h>
#include <ATen/ops/tensor.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "data/bars/bar_time.h"
#include "data/dataset.h"
#include "data/hdf5/hdf5_file.h"
#include "data/hdf5/rows.h"
#include "src/core/error.h"
#include "src/core/text.h"

namespace athanor {
namespace {

using Json = nlohmann::ordered_json;

struct Hdf5Config : DatasetConfig {
  double train_fraction = 0.70;
  double val_fraction = 0.15;
  int64_t embargo = 0;
  bool check_finite = true;

  void list_hdf5_fields(Fields& fields) {
    list_common_fields(fields);
    fields.field("train_fraction", train_fraction,
                 "part of the samples, from the start, that trains; where the file has no splits/",
                 kFraction);
    fields.field("val_fraction", val_fraction, "part after it that validates; the rest tests", kFraction);
    fields.field("embargo", embargo, "samples left out between two parts; where the file has no splits/",
                 kNonNegative);
    fields.field("check_finite", check_finite,
                 "stop at NaN and infinity, naming sample, time step and feature");
  }
};

struct WindowsConfig : Hdf5Config {
  std::vector<std::string> inputs;
  void list_fields(Fields& fields) override {
    list_hdf5_fields(fields);
    fields.field("inputs", inputs, "names in sequences/ to use, in this order; []: all");
  }
};

struct FeaturesConfig : Hdf5Config {
  void list_fields(Fields& fields) override { list_hdf5_fields(fields); }
};

struct Range {
  int64_t begin = 0, end = 0;
};

// One array of a sample: where it lies and what it is called.
struct Column {
  std::string dataset;
  TensorSpec spec;
};

// What both layouts share of an opened file.
struct Hdf5Columns {
  std::string path;
  std::vector<Column> columns;  // inputs, labels, time
  std::vector<std::string> feature_names;
  bool check_finite = true;

  std::vector<RowReader> open_readers() const {
    const Hdf5File file = Hdf5File::open(path);
    std::vector<RowReader> readers;
    for (const Column& column : columns) {
      RowReader::Options options;
      options.type = column.spec.dtype == at::kFloat ? RowType::kFloat32 : RowType::kInt64;
      options.check_finite = check_finite && options.type == RowType::kFloat32;
      options.feature_names = feature_names;
      readers.emplace_back(file, column.dataset, std::move(options));
    }
    return readers;
  }
};

class Hdf5Source : public SampleSource {
 public:
  Hdf5Source(const Hdf5Columns& columns, Range range) : readers_(columns.open_readers()), range_(range) {
    for (const Column& column : columns.columns) arrays_.push_back(column.spec);
  }

  int64_t size() const override { return range_.end - range_.begin; }
  const std::vector<TensorSpec>& arrays() const override { return arrays_; }

  int64_t samples_together() const override {
    int64_t most = 1;
    for (const RowReader& reader : readers_)
      if (!reader.info().filters.empty()) most = std::max(most, reader.info().chunk_shape[0]);
    return most;
  }

  void read(std::span<const int64_t> samples, const std::vector<SlotArray>& slots,
            ThreadPool& pool) const override {
    std::vector<int64_t> rows(samples.begin(), samples.end());
    for (int64_t& row : rows) row += range_.begin;
    for (size_t i = 0; i < readers_.size(); ++i)
      if (slots[i].base != nullptr) readers_[i].read(rows, slots[i], pool);
  }

 private:
  std::vector<RowReader> readers_;
  std::vector<TensorSpec> arrays_;
  Range range_;
};

// Reads what the file says of itself and checks that it fits together.
class Opener {
 public:
  explicit Opener(const Hdf5Config& config) : config_(config), file_(Hdf5File::open(config.needed_path())) {
    out.path = config.path;
    out.check_finite = config.check_finite;
    if (!file_.has("metadata")) return;
    metadata_ = Json::parse(file_.read_text("metadata"), nullptr, false);
    if (!metadata_.is_object()) fail("metadata", {.what = "is not a JSON object"});
    spec.pip = metadata_.value("pip", 0.0);
    const int64_t horizon = metadata_.value("horizon_bars", 1),
                  stride = metadata_.value("stride_bars", horizon);
    spec.label_overlap = std::max<int64_t>(1, (horizon + stride - 1) / std::max<int64_t>(1, stride));
  }

  void add_input(const std::string& name, const std::string& dataset) {
    const Hdf5Info info = number_info(dataset);
    if (info.shape.size() < 2)
      fail(dataset, {.what = "wrong rank", .expected = "[N,T,F] or [N,F]", .got = shape_text(info.shape)});
    add(spec.inputs, name, dataset, info, at::kFloat);
    add_scaler(name, info.shape.back());
  }

  void add_label(const std::string& name, const std::string& dataset) {
    const Hdf5Info info = number_info(dataset);
    const bool is_float = info.type_text.rfind("float", 0) == 0;
    add(spec.labels, name, dataset, info, is_float ? at::kFloat : at::kLong);
  }

  void add_labels() {
    for (const std::string& name : file_.list("labels")) add_label(name, "labels/" + name);
  }

  void add_time() {
    const std::string dataset = file_.has("samples/time") ? "samples/time" : file_.has("time") ? "time" : "";
    if (dataset.empty()) return;
    const Hdf5Info info = number_info(dataset);
    if (info.shape.size() != 1)
      fail(dataset, {.what = "wrong rank", .expected = "[N]", .got = shape_text(info.shape)});
    std::vector<TensorSpec> unlisted;
    add(unlisted, "time", dataset, info, at::kLong);
    time = file_.read<int64_t>(dataset);
  }

  void read_feature_names() {
    const int64_t features = spec.inputs.front().shape.back();
    std::vector<std::string>& names = spec.feature_names;
    if (file_.has("feature_names")) {
      names = file_.read_texts("feature_names");
      const Json list = names.size() == 1 ? Json::parse(names[0], nullptr, false) : Json();
      if (list.is_array()) names = list.get<std::vector<std::string>>();
      if (static_cast<int64_t>(names.size()) != features)
        fail("feature_names", {.what = "does not fit the inputs",
                               .expected = text(features, " names"),
                               .got = text(names.size())});
    } else {
      for (int64_t f = 0; f < features; ++f) names.push_back(text("f", f));
    }
    out.feature_names = names;
  }

  std::array<Range, 3> read_splits() const {
    std::array<Range, 3> splits;
    if (!file_.has("splits")) return fraction_splits();
    for (size_t k = 0; k < splits.size(); ++k) {
      const std::string dataset = text("splits/", split_name(static_cast<Split>(k)));
      const std::vector<int64_t> range = file_.read<int64_t>(dataset);
      if (range.size() != 2 || range[0] < 0 || range[0] > range[1] || range[1] > samples_)
        fail(dataset,
             {.what = "is no range of samples", .expected = text("[begin,end) within [0,", samples_, ")")});
      splits[k] = {range[0], range[1]};
    }
    return splits;
  }

  // The names in `group`, in the order of the file's metadata where that lists them.
  std::vector<std::string> input_names(const std::string& group) const {
    std::vector<std::string> names = file_.list(group);
    if (!metadata_.contains("windows") || !metadata_["windows"].is_object()) return names;
    std::vector<std::string> ordered;
    for (const auto& [name, window] : metadata_["windows"].items())
      if (std::find(names.begin(), names.end(), name) != names.end()) ordered.push_back(name);
    return ordered.size() == names.size() ? ordered : names;
  }

  bool has(const std::string& name) const { return file_.has(name); }
  std::string holds() const { return join(file_.list("/"), ", "); }

  [[noreturn]] void fail(const std::string& dataset, ErrorText problem) const {
    problem.where = file_.path() + ": " + dataset;
    throw Error(problem);
  }

  Hdf5Columns out;
  DataSpec spec;
  std::vector<int64_t> time;

 private:
  Hdf5Info number_info(const std::string& dataset) const {
    Hdf5Info info = file_.info(dataset);
    if (!info.number) fail(dataset, {.what = "wrong type", .expected = "numbers", .got = info.type_text});
    if (info.shape.empty())
      fail(dataset, {.what = "wrong rank", .expected = "[N,…]", .got = "a single value"});
    if (std::count(info.shape.begin(), info.shape.end(), 0) > 0)
      fail(dataset, {.what = "is empty", .got = shape_text(info.shape)});
    return info;
  }

  void add(std::vector<TensorSpec>& list, const std::string& name, const std::string& dataset,
           const Hdf5Info& info, at::ScalarType type) {
    if (!out.columns.empty() && info.shape[0] != samples_)
      fail(dataset, {.what = "wrong number of samples",
                     .expected = text(samples_, " as in ", out.columns.front().dataset),
                     .got = shape_text(info.shape)});
    samples_ = info.shape[0];
    list.push_back({name, {info.shape.begin() + 1, info.shape.end()}, type});
    out.columns.push_back({dataset, list.back()});
  }

  void add_scaler(const std::string& name, int64_t features) {
    std::string stored = name;
    if (!file_.has("scaler/mean/" + name)) stored = metadata_.value("features_timeframe", "");
    if (stored.empty() || !file_.has("scaler/mean/" + stored)) return;
    for (const char* part : {"mean", "scale"}) {
      const std::string dataset = text("scaler/", part, "/", stored);
      const std::vector<float> values = file_.read<float>(dataset);
      if (static_cast<int64_t>(values.size()) != features)
        fail(dataset,
             {.what = "wrong length", .expected = text(features, " features"), .got = text(values.size())});
      const bool is_scale = part[0] == 's';
      const auto usable = [&](float value) { return std::isfinite(value) && (!is_scale || value > 0); };
      if (!std::all_of(values.begin(), values.end(), usable))
        fail(dataset, {.what = "holds a value that is no scaler", .expected = is_scale ? "> 0" : "finite"});
      spec.constants.set(text(part, "/", name), at::tensor(values));
    }
  }

  std::array<Range, 3> fraction_splits() const {
    if (config_.train_fraction + config_.val_fraction > 1 + 1e-9)
      throw usage_error(
          {.where = "data.val_fraction", .what = "train_fraction + val_fraction is more than 1"});
    const auto place = [&](double fraction) -> int64_t {
      return std::llround(fraction * static_cast<double>(samples_));
    };
    const int64_t val = place(config_.train_fraction);
    const int64_t test = std::min(samples_, place(config_.train_fraction + config_.val_fraction));
    std::array<Range, 3> splits = {Range{0, val}, Range{val, test}, Range{test, samples_}};
    for (Range& split : splits)
      if (split.end < samples_) split.end = std::max(split.begin, split.end - config_.embargo);
    return splits;
  }

  const Hdf5Config& config_;
  Hdf5File file_;
  Json metadata_ = Json::object();
  int64_t samples_ = 0;
};

class Hdf5Dataset : public Dataset {
 public:
  explicit Hdf5Dataset(Opener opener)
      : spec_(std::move(opener.spec)), splits_(opener.read_splits()), time_(std::move(opener.time)) {
    columns_ = std::move(opener.out);
    // Opened once for its errors: filters that are not there, data beyond the file's end.
    columns_.open_readers();
  }

  const DataSpec& spec() const override { return spec_; }

  std::unique_ptr<SampleSource> open(Split split) const override {
    return std::make_unique<Hdf5Source>(columns_, splits_[static_cast<size_t>(split)]);
  }

  std::string describe() const override {
    const auto file_bytes = static_cast<int64_t>(std::filesystem::file_size(columns_.path));
    std::string out = text(columns_.path, ": ", bytes_text(file_bytes), ", stored windows");
    for (size_t k = 0; k < splits_.size(); ++k) {
      const auto [begin, end] = splits_[k];
      out += text("\n", split_name(static_cast<Split>(k)), ": ", end - begin, " samples");
      if (!time_.empty() && begin < end)
        out += text(", ", time_text(time_[static_cast<size_t>(begin)]), " to ",
                    time_text(time_[static_cast<size_t>(end - 1)]));
    }
    return out;
  }

 private:
  Hdf5Columns columns_;
  DataSpec spec_;
  std::array<Range, 3> splits_;
  std::vector<int64_t> time_;
};

std::unique_ptr<Dataset> open_windows(const WindowsConfig& config) {
  Opener opener(config);
  const std::vector<std::string> known = opener.input_names("sequences");
  if (known.empty())
    opener.fail("sequences", {.what = "not a file of stored windows",
                              .expected = "sequences/*, labels/*",
                              .got = opener.holds(),
                              .hint = opener.has("bars")       ? "data.name=bars reads it"
                                      : opener.has("features") ? "data.name=features reads it"
                                                               : "athanor prepare bars --help"});
  for (const std::string& name : config.inputs)
    if (std::find(known.begin(), known.end(), name) == known.end())
      throw usage_error({.where = "data.inputs",
                         .what = text("no sequences/", name, " in ", config.path),
                         .hint = suggestion(name, known)});
  for (const std::string& name : config.inputs.empty() ? known : config.inputs)
    opener.add_input(name, "sequences/" + name);
  opener.add_labels();
  if (opener.spec.labels.empty()) opener.fail("labels", {.what = "no labels", .got = opener.holds()});
  opener.add_time();
  opener.read_feature_names();
  return std::make_unique<Hdf5Dataset>(std::move(opener));
}

std::unique_ptr<Dataset> open_features(const FeaturesConfig& config) {
  Opener opener(config);
  if (!opener.has("features") || !opener.has("targets"))
    opener.fail("features", {.what = "not in the seed's layout",
                             .expected = "features [N,T,F], targets [N] or [N,K]",
                             .got = opener.holds(),
                             .hint = opener.has("bars")        ? "data.name=bars reads it"
                                     : opener.has("sequences") ? "data.name=windows reads it"
                                                               : "athanor prepare bars --help"});
  opener.add_input("features", "features");
  opener.add_label("target", "targets");
  opener.add_labels();
  opener.add_time();
  opener.read_feature_names();
  return std::make_unique<Hdf5Dataset>(std::move(opener));
}

}  // namespace

DatasetComponent make_windows() {
  return component<WindowsConfig, Dataset>("windows", "stored windows: sequences/* and labels/* in HDF5",
                                           open_windows);
}

DatasetComponent make_features() {
  return component<FeaturesConfig, Dataset>("features", "features [N,T,F] and targets in HDF5",
                                            open_features);
}

}  // namespace athanor
