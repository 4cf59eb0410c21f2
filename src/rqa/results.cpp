#include "src/rqa/results.h"

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>

#include "src/core/error.h"
#include "src/core/text.h"
#include "src/rqa/grid_text.h"

namespace athanor::rqa {
namespace {

constexpr const char* kFormat = "athanor recurrence sweep 1";
const std::vector<std::string> kAxes{"recording", "m", "tau", "eps", "l_min", "metric"};

std::string file_of(const std::string& path) {
  return std::filesystem::is_directory(path) ? path + "/sweep.h5" : path;
}

std::vector<std::string> names_of(const std::vector<Metric>& metrics) {
  std::vector<std::string> names;
  for (const Metric metric : metrics) names.emplace_back(metric_name(metric));
  return names;
}

// One text of each recording or of each left out.
template <class Row>
std::vector<std::string> column(const std::vector<Row>& rows, std::string Row::*member) {
  std::vector<std::string> texts;
  for (const Row& row : rows) texts.push_back(row.*member);
  return texts;
}

template <class T>
std::string list_text(const std::vector<T>& values) {
  std::vector<std::string> texts;
  for (const T value : values) texts.push_back(shortest(static_cast<double>(value)));
  return join(texts, ",");
}

nlohmann::ordered_json description_json(const Definitions& definitions) {
  nlohmann::ordered_json json;
  for (const auto& [name, meaning] : describe(definitions)) json[name] = meaning;
  return json;
}

void write_recordings(Hdf5File& file, const std::vector<RecordingInfo>& recordings) {
  file.write_texts("recording", column(recordings, &RecordingInfo::file));
  file.write_texts("group", column(recordings, &RecordingInfo::group));
  file.write_texts("subject", column(recordings, &RecordingInfo::subject));
  file.write_texts("task", column(recordings, &RecordingInfo::task));
  std::vector<int64_t> rows, fingerprints;
  std::vector<double> gaze;
  for (const RecordingInfo& each : recordings) {
    rows.push_back(each.rows);
    fingerprints.push_back(each.fingerprint);
    gaze.insert(gaze.end(), each.gaze.begin(), each.gaze.end());
  }
  const auto count = static_cast<int64_t>(recordings.size());
  const auto features = static_cast<int64_t>(kGazeFeatures.size());
  file.write<int64_t>("rows", rows, {count});
  file.write<int64_t>("fingerprint", fingerprints, {count});
  file.write<double>("gaze", gaze, {count, features});
  file.write_attribute("gaze", "DIMENSION_LABELS", std::vector<std::string>{"recording", "gaze_feature"});
  file.write_texts("gaze_feature", {kGazeFeatures.begin(), kGazeFeatures.end()});
}

std::vector<RecordingInfo> read_recordings_of(const Hdf5File& file) {
  const auto files = file.read_texts("recording"), groups = file.read_texts("group"),
             subjects = file.read_texts("subject"), tasks = file.read_texts("task");
  const auto rows = file.read<int64_t>("rows"), fingerprints = file.read<int64_t>("fingerprint");
  const auto gaze = file.read<double>("gaze");
  std::vector<RecordingInfo> recordings(files.size());
  for (size_t i = 0; i < files.size(); ++i) {
    recordings[i] = {files[i], groups.at(i), subjects.at(i), tasks.at(i), rows.at(i), fingerprints.at(i), {}};
    for (size_t j = 0; j < kGazeFeatures.size(); ++j)
      recordings[i].gaze[j] = gaze.at(i * kGazeFeatures.size() + j);
  }
  return recordings;
}

nlohmann::ordered_json job_json(const SweepHead& head) {
  return {{"version", head.version},
          {"shard", head.shard},
          {"shards", head.shards},
          {"definitions", definitions_json(head.definitions)},
          {"saccade_per_s", head.gaze_rules.saccade_per_s},
          {"fixation_min_ms", head.gaze_rules.fixation_min_ms}};
}

SweepHead read_head(const Hdf5File& file) {
  const std::vector<std::string> format = file.read_attribute("/", "format");
  if (format != std::vector<std::string>{kFormat})
    throw Error({file.path(), "not the results of a sweep", kFormat, join(format, ","),
                 "`athanor rqa sweep` makes them"});
  SweepHead head;
  const auto json = nlohmann::ordered_json::parse(file.read_attribute("/", "job").at(0));
  head.version = json.at("version");
  head.shard = json.at("shard");
  head.shards = json.at("shards");
  head.definitions = definitions_of(json.at("definitions"));
  head.gaze_rules = {json.at("saccade_per_s"), json.at("fixation_min_ms")};
  head.analyses = file.read_texts("analysis");
  head.grid = {file.read<int64_t>("m"), file.read<int64_t>("tau"), file.read<double>("eps"),
               file.read<int64_t>("l_min")};
  for (const std::string& name : file.read_texts("metric")) head.metrics.push_back(metric_named(name));
  head.recordings = read_recordings_of(file);
  const auto left_out = file.read_texts("left_out/file"), reasons = file.read_texts("left_out/reason");
  for (size_t i = 0; i < left_out.size(); ++i) head.left_out.push_back({left_out[i], reasons.at(i)});
  return head;
}

}  // namespace

std::string file_name_of(const std::string& plain) {
  std::string out;
  for (const char c : plain) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) || byte >= 0x80 || c == '-' || c == '_' || c == '.') {
      out += c;
      continue;
    }
    char code[4];
    std::snprintf(code, sizeof code, "%%%02X", byte);
    out += code;
  }
  return out;
}

std::vector<std::string> group_names(const SweepHead& head) {
  std::set<std::string> there;
  for (const RecordingInfo& each : head.recordings) there.insert(each.group);
  std::vector<std::string> names;
  for (const char* first : {"control", "mci", "ad"})
    if (there.erase(first) > 0) names.emplace_back(first);
  names.insert(names.end(), there.begin(), there.end());
  return names;
}

std::vector<std::pair<std::string, std::string>> describe(const SweepHead& head) {
  std::vector<std::pair<std::string, std::string>> all{
      {"analyses", join(head.analyses, ",")}, {"m", list_text(head.grid.m)},
      {"tau", list_text(head.grid.tau)},      {"eps", list_text(head.grid.eps)},
      {"l_min", list_text(head.grid.lmin)},   {"metrics", join(names_of(head.metrics), ",")}};
  const nlohmann::ordered_json job = job_json(head);
  for (const auto& [name, value] : job.items()) all.emplace_back(name, value.dump());
  for (const RecordingInfo& each : head.recordings) {
    std::string gaze;
    for (const double feature : each.gaze) gaze += text(" ", shortest(feature));
    all.emplace_back("recording",
                     text(each.file, " group ", each.group, " subject ", each.subject, " task ", each.task,
                          " rows ", each.rows, " fingerprint ", each.fingerprint, " gaze", gaze));
  }
  for (const LeftOut& each : head.left_out) all.emplace_back("left out", each.file + ": " + each.reason);
  return all;
}

void create_results(const std::string& path, const SweepHead& head) {
  Hdf5File file = Hdf5File::create(path);
  file.write_attribute("/", "format", kFormat);
  file.write_attribute("/", "job", job_json(head).dump());
  file.write_attribute("/", "definitions", description_json(head.definitions).dump());
  file.write_texts("analysis", head.analyses);
  file.write<int64_t>("m", head.grid.m, {static_cast<int64_t>(head.grid.m.size())});
  file.write<int64_t>("tau", head.grid.tau, {static_cast<int64_t>(head.grid.tau.size())});
  file.write<double>("eps", head.grid.eps, {static_cast<int64_t>(head.grid.eps.size())});
  file.write<int64_t>("l_min", head.grid.lmin, {static_cast<int64_t>(head.grid.lmin.size())});
  file.write_texts("metric", names_of(head.metrics));
  write_recordings(file, head.recordings);
  file.write_texts("left_out/file", column(head.left_out, &LeftOut::file));
  file.write_texts("left_out/reason", column(head.left_out, &LeftOut::reason));
  std::vector<int64_t> shape{static_cast<int64_t>(head.recordings.size())};
  for (const size_t extent : {head.grid.m.size(), head.grid.tau.size(), head.grid.eps.size(),
                              head.grid.lmin.size(), head.metrics.size()})
    shape.push_back(static_cast<int64_t>(extent));
  for (const std::string& analysis : head.analyses) {
    file.create_dataset<double>(analysis, shape, {.reserved = true});
    file.write_attribute(analysis, "DIMENSION_LABELS", kAxes);
  }
  file.close();
}

SweepResults::SweepResults(const std::string& path) : file_(Hdf5File::open(file_of(path))) {
  try {
    head_ = read_head(file_);
  } catch (const nlohmann::json::exception& error) {
    throw Error({file_.path(), "its description cannot be read", "", error.what()});
  } catch (const std::out_of_range&) {
    throw Error({file_.path(), "columns of different lengths", "", "", "was it made by another program?"});
  }
}

std::vector<double> SweepResults::read_recordings(const std::string& analysis, int64_t first,
                                                  int64_t count) const {
  std::vector<double> values(static_cast<size_t>(count * head_.values_per_recording()));
  if (count > 0) file_.read_rows<double>(analysis, first, count, values.data());
  return values;
}

std::vector<double> SweepResults::read_plane(const std::string& analysis, int64_t m_index,
                                             int64_t tau_index) const {
  const auto size = [](const auto& values) { return static_cast<int64_t>(values.size()); };
  return file_.read_box<double>(
      analysis, {0, m_index, tau_index, 0, 0, 0},
      {size(head_.recordings), 1, 1, size(head_.grid.eps), size(head_.grid.lmin), size(head_.metrics)});
}

}  // namespace athanor::rqa
