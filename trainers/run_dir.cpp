// Files of a run, opened in the order in which a crash between them does no harm.
#include "trainers/run_dir.h"

#include <ATen/Parallel.h>
#include <torch/version.h>

#include <ctime>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "src/core/device.h"
#include "src/core/error.h"
#include "src/core/files.h"
#include "src/core/log.h"
#include "src/core/text.h"

namespace athanor {
namespace fs = std::filesystem;
namespace {

using Json = nlohmann::ordered_json;

// The revision of the source tree that the program was built in, "" where it no longer stands in one.
std::string git_revision() {
  std::error_code failed;
  const fs::path program = fs::read_symlink("/proc/self/exe", failed);
  const std::string command =
      "git -C '" + program.parent_path().string() + "' describe --always --dirty --abbrev=40 2>/dev/null";
  FILE* output = ::popen(command.c_str(), "r");
  if (output == nullptr) return "";
  char line[128] = "";
  const bool got = std::fgets(line, sizeof line, output) != nullptr;
  ::pclose(output);
  return got ? std::string(trim(line)) : "";
}

std::string time_now(const char* format) {
  const std::time_t now = std::time(nullptr);
  std::tm local{};
  ::localtime_r(&now, &local);
  char text[64];
  std::strftime(text, sizeof text, format, &local);
  return text;
}

std::string environment_json(at::Device device) {
  const Json environment{{"git_revision", git_revision()},
                         {"libtorch", TORCH_VERSION},
                         {"compiler", text("g++ ", __VERSION__)},
                         {"device", device.str()},
                         {"device_name", device_text(device)},
                         {"threads", at::get_num_threads()},
                         {"started", time_now("%Y-%m-%dT%H:%M:%S%z")}};
  return environment.dump(2) + "\n";
}

void make_folder(const std::string& path) {
  std::error_code failed;
  fs::create_directories(path, failed);
  if (failed)
    throw Error({path, "cannot create the folder: " + failed.message(), "", "", "choose another folder"});
}

// The columns of all lines (without the clock's), in order of appearance; empty cells where a line has none.
std::string csv_of(const std::string& json_lines) {
  std::vector<Json> rows;
  std::vector<std::string> columns;
  for (const std::string& line : split(json_lines, '\n')) {
    Json row = Json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (!row.is_object()) continue;
    row.erase("wall");
    for (const auto& [name, value] : row.items())
      if (std::find(columns.begin(), columns.end(), name) == columns.end()) columns.push_back(name);
    rows.push_back(std::move(row));
  }
  std::string csv = join(columns, ",") + "\n";
  for (const Json& row : rows) {
    std::vector<std::string> cells;
    cells.reserve(columns.size());
    for (const std::string& name : columns) cells.push_back(row.contains(name) ? row[name].dump() : "");
    csv += join(cells, ",") + "\n";
  }
  return csv;
}

}  // namespace

void check_new_run_dir(const std::string& path) {
  std::error_code none;
  if (!fs::exists(path, none) || (fs::is_directory(path, none) && fs::is_empty(path, none))) return;
  throw usage_error({path, "the run directory exists and is not empty", "a new or empty directory", "",
                     "--resume goes on with the run in it; another --run-dir starts a new one"});
}

std::string default_run_dir(const std::string& config_path) {
  return text("runs/", fs::path(config_path).stem().string(), "-", time_now("%Y%m%d-%H%M%S"));
}

void save_pictures(const std::string& folder, const std::vector<Picture>& pictures) {
  make_folder(folder);
  for (const Picture& picture : pictures) save_png(text(folder, "/", picture.name, ".png"), picture.image);
}

RunDir::RunDir(std::string path, bool resume, std::string config_yaml, DataSpec spec, int64_t keep_last)
    : path_(std::move(path)),
      config_yaml_(std::move(config_yaml)),
      spec_(std::move(spec)),
      checkpoints_(path_ + "/checkpoints", keep_last) {
  if (!resume) check_new_run_dir(path_);
}

void RunDir::begin(at::Device device, const Checkpoint* resumed) {
  make_folder(path_);
  write_file_atomically(path_ + "/config.yaml", config_yaml_);
  write_file_atomically(path_ + "/environment.json", environment_json(device));
  set_log_file(path_ + "/log.txt");
  metrics_ = std::make_unique<JsonLines>(path_ + "/metrics.jsonl");
  const int64_t step = resumed != nullptr ? static_cast<int64_t>(resumed->values.at("step")) : 0;
  const int64_t bytes = resumed != nullptr ? static_cast<int64_t>(resumed->values.at("metrics_bytes")) : 0;
  if (bytes <= metrics_->size_bytes()) {
    metrics_->truncate(bytes);
  } else {
    log_warning("metrics.jsonl is shorter than the checkpoint remembers: lines are missing in it");
    metrics_->drop_after_step(step);
  }
  const std::string events = path_ + "/tensorboard";
  const bool goes_on = fs::exists(events);
  tensorboard_ = std::make_unique<TensorBoardWriter>(events, goes_on ? step + 1 : 0);
  if (!goes_on) tensorboard_->text("config", "```yaml\n" + config_yaml_ + "```", 0);
}

void RunDir::record(int64_t step, int64_t epoch, const Metrics& values, const Metrics& wall) {
  Json line{{"step", step}, {"epoch", epoch}};
  for (const auto& [name, value] : values) line[name] = value;
  for (const auto& [name, value] : wall) line["wall"][name] = value;
  metrics_->append(line);
  for (const auto& [name, value] : values) tensorboard_->scalar(name, value, step);
  for (const auto& [name, value] : wall) tensorboard_->scalar("wall/" + name, value, step);
  tensorboard_->flush();
}

void RunDir::show(const std::vector<Picture>& pictures) {
  if (!pictures.empty()) save_pictures(path_ + "/pictures", pictures);
}

std::string RunDir::save(Checkpoint checkpoint, bool best) {
  checkpoint.config_yaml = config_yaml_;
  checkpoint.spec = spec_;
  checkpoint.values["metrics_bytes"] = static_cast<double>(metrics_->size_bytes());
  return checkpoints_.save(checkpoint, best);
}

void RunDir::end() { write_file_atomically(path_ + "/metrics.csv", csv_of(read_file(metrics_->path()))); }

}  // namespace athanor
