// Dataset `bars`: windows cut on the fly from prepared bars (layout `bars` of athanor prepare) that lie in
// memory. A sample's window of a timeframe is its last W bars that had closed at the sample's time: one
// memcpy.
#include <ATen/core/Tensor.h>
#include <ATen/ops/tensor.h>

#include <algorithm>
#include <cstring>

#include "data/bars/bar_time.h"
#include "data/bars/prepared_file.h"
#include "data/dataset.h"
#include "src/core/error.h"
#include "src/core/text.h"
#include "src/core/thread_pool.h"

namespace athanor {
namespace {

constexpr int64_t kSamplesPerTask = 16;

struct BarsConfig : DatasetConfig {
  IntMap windows;
  void list_fields(Fields& fields) override {
    list_common_fields(fields);
    fields.field("windows", windows,
                 "timeframes to use and their windows, no longer than the file's; {}: all of them",
                 kPositive);
  }
};

// The file with the windows that the config asks for.
std::shared_ptr<const PreparedFile> load_selected(const BarsConfig& config) {
  auto file = std::make_shared<PreparedFile>(load_prepared(config.needed_path()));
  if (config.windows.empty()) return file;
  std::vector<TimeframeData> chosen;
  for (const auto& [name, window] : config.windows) {
    const auto found =
        std::find_if(file->timeframes.begin(), file->timeframes.end(),
                     [&wanted = name](const TimeframeData& timeframe) { return timeframe.name == wanted; });
    if (found == file->timeframes.end()) {
      std::vector<std::string> names;
      for (const auto& timeframe : file->timeframes) names.push_back(timeframe.name);
      throw usage_error({.where = "data.windows",
                         .what = text("no timeframe '", name, "' in ", config.path),
                         .hint = suggestion(name, names)});
    }
    if (window <= 0 || window > found->window) {
      throw usage_error({.where = "data.windows." + name,
                         .what = "longer than the window that the file was prepared for",
                         .expected = text("1 to ", found->window),
                         .got = text(window),
                         .hint = "prepare the bars again with longer prepare.windows"});
    }
    TimeframeData selected = *found;
    selected.window = window;
    chosen.push_back(std::move(selected));
  }
  file->timeframes = std::move(chosen);
  return file;
}

// The most samples whose labels share bars with one sample's, itself among them.
int64_t label_overlap(const PreparedFile& file) {
  int64_t most = 1;
  for (size_t i = 0, next = 0; i < file.time.size(); ++i) {
    while (next < file.time.size() && file.time[next] < file.label_end[i]) ++next;
    most = std::max(most, static_cast<int64_t>(next - i));
  }
  return most;
}

// [N] values of samples, as bytes to copy from.
struct Column {
  const char* base;
  int64_t bytes;
};

class BarsSource : public SampleSource {
 public:
  BarsSource(std::shared_ptr<const PreparedFile> file, const DataSpec& spec, SplitRange range)
      : file_(std::move(file)), range_(range), arrays_(spec.inputs) {
    arrays_.insert(arrays_.end(), spec.labels.begin(), spec.labels.end());
    arrays_.push_back({"time", {}, at::kLong});
    for (const auto& [name, values] : file_->class_labels) add_column(values);
    for (const auto& [name, values] : file_->value_labels) add_column(values);
    add_column(file_->time);
  }

  int64_t size() const override { return range_.size(); }
  const std::vector<TensorSpec>& arrays() const override { return arrays_; }

  void read(std::span<const int64_t> samples, const std::vector<SlotArray>& slots,
            ThreadPool& pool) const override {
    const int64_t count = static_cast<int64_t>(samples.size());
    pool.parallel_for((count + kSamplesPerTask - 1) / kSamplesPerTask, [&](int64_t task) {
      const int64_t end = std::min(count, (task + 1) * kSamplesPerTask);
      for (int64_t j = task * kSamplesPerTask; j < end; ++j) copy_sample(range_.begin + samples[j], j, slots);
    });
  }

 private:
  template <class T>
  void add_column(const std::vector<T>& values) {
    columns_.push_back({reinterpret_cast<const char*>(values.data()), static_cast<int64_t>(sizeof(T))});
  }

  void copy_sample(int64_t sample, int64_t slot, const std::vector<SlotArray>& slots) const {
    size_t array = 0;
    for (const auto& timeframe : file_->timeframes) {
      const float* window = timeframe.features.row(timeframe.end[sample] - timeframe.window);
      const size_t bytes = timeframe.window * timeframe.features.columns * sizeof(float);
      put(slots[array++], slot, window, bytes);
    }
    for (const auto& column : columns_) {
      put(slots[array++], slot, column.base + sample * column.bytes, column.bytes);
    }
  }

  static void put(const SlotArray& array, int64_t slot, const void* bytes, size_t count) {
    if (array.base != nullptr) std::memcpy(array.slot(slot), bytes, count);
  }

  std::shared_ptr<const PreparedFile> file_;
  SplitRange range_;
  std::vector<TensorSpec> arrays_;
  std::vector<Column> columns_;
};

class BarsDataset : public Dataset {
 public:
  explicit BarsDataset(const BarsConfig& config) : path_(config.path), file_(load_selected(config)) {
    spec_.feature_names = file_->feature_names;
    spec_.pip = file_->pip;
    spec_.label_overlap = label_overlap(*file_);
    for (const auto& timeframe : file_->timeframes) {
      spec_.inputs.push_back({timeframe.name, {timeframe.window, timeframe.features.columns}, at::kFloat});
      spec_.constants.set("mean/" + timeframe.name, at::tensor(timeframe.mean));
      spec_.constants.set("scale/" + timeframe.name, at::tensor(timeframe.scale));
    }
    for (const auto& [name, values] : file_->class_labels) spec_.labels.push_back({name, {}, at::kLong});
    for (const auto& [name, values] : file_->value_labels) spec_.labels.push_back({name, {}, at::kFloat});
  }

  const DataSpec& spec() const override { return spec_; }

  std::unique_ptr<SampleSource> open(Split split) const override {
    return std::make_unique<BarsSource>(file_, spec_, file_->splits[static_cast<size_t>(split)]);
  }

  std::string describe() const override {
    std::string out = text(path_, ": ", bytes_text(file_->file_bytes), ", windows cut on the fly");
    for (size_t k = 0; k < file_->splits.size(); ++k) {
      const SplitRange& range = file_->splits[k];
      out += text("\n", kSplitNames[k], ": ", range.size(), " samples");
      if (range.size() == 0) continue;
      out += text(", ", time_text(file_->time[range.begin]), " to ", time_text(file_->time[range.end - 1]));
    }
    return out;
  }

 private:
  std::string path_;
  std::shared_ptr<const PreparedFile> file_;
  DataSpec spec_;
};

}  // namespace

DatasetComponent make_bars() {
  return component<BarsConfig, Dataset>(
      "bars", "prepared price bars; windows are cut on the fly",
      [](const BarsConfig& config) { return std::make_unique<BarsDataset>(config); });
}

}  // namespace athanor
