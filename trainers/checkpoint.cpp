// A checkpoint's files, their check sums, and the folder that keeps the last few and the best.
#include "trainers/checkpoint.h"

#include <ATen/core/grad_mode.h>
#include <libdeflate.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "src/core/error.h"
#include "src/core/files.h"
#include "src/core/log.h"
#include "src/core/safetensors.h"
#include "src/core/text.h"
#include "trainers/data_spec_file.h"

namespace athanor {
namespace fs = std::filesystem;
namespace {

using Json = nlohmann::ordered_json;

constexpr int kFormat = 1;
constexpr const char* kModelFile = "model.safetensors";
constexpr const char* kTrainingFile = "training.safetensors";
constexpr const char* kSpecFile = "data_spec.safetensors";
constexpr const char* kConfigFile = "config.yaml";
constexpr const char* kStateFile = "state.json";
constexpr const char* kStepPrefix = "step-";

void write_plain(const std::string& path, const std::string& bytes) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out << bytes;
  out.close();
  if (!out) throw Error({path, "cannot write: " + system_reason(), "", "", "free some space"});
}

std::string file_sum(const std::string& bytes) {
  char hex[9];
  std::snprintf(hex, sizeof hex, "%08x", libdeflate_crc32(0, bytes.data(), bytes.size()));
  return hex;
}

Json state_of(const std::string& directory, const Checkpoint& checkpoint) {
  Json state{{"format", kFormat}};
  for (const auto& [name, value] : checkpoint.values) {
    if (!std::isfinite(value)) continue;
    if (value == std::trunc(value) && std::abs(value) < 0x1p53)
      state["values"][name] = static_cast<int64_t>(value);
    else
      state["values"][name] = value;
  }
  for (const char* name : {kModelFile, kTrainingFile, kSpecFile, kConfigFile}) {
    const std::string bytes = read_file(directory + "/" + name);
    state["files"][name] = {{"bytes", bytes.size()}, {"crc32", file_sum(bytes)}};
  }
  return state;
}

Json read_state(const std::string& directory) {
  const std::string path = directory + "/" + kStateFile;
  Json state = Json::parse(read_file(path), nullptr, /*allow_exceptions=*/false);
  if (!state.is_object() || !state.contains("format") || !state.contains("values") ||
      !state.contains("files"))
    throw Error({path, "cut or not a checkpoint's state"});
  if (state["format"] != kFormat)
    throw Error({path, "written by another version of the program", text("format ", kFormat),
                 state["format"].dump()});
  return state;
}

void check_files(const std::string& directory, const Json& state) {
  for (const char* name : {kModelFile, kTrainingFile, kSpecFile, kConfigFile}) {
    const std::string path = directory + "/" + name;
    const auto entry = state["files"].find(name);
    if (entry == state["files"].end()) throw Error({path, "not listed in " + std::string(kStateFile)});
    const std::string bytes = read_file(path);
    if ((*entry)["bytes"] != bytes.size())
      throw Error({path, "cut", (*entry)["bytes"].dump() + " bytes", text(bytes.size())});
    if ((*entry)["crc32"] != file_sum(bytes))
      throw Error({path, "altered: its CRC-32 differs from state.json's"});
  }
}

std::string step_name(double step) {
  char name[32];
  std::snprintf(name, sizeof name, "%s%08lld", kStepPrefix, static_cast<long long>(step));
  return name;
}

// What a link in the folder names, "" where it does not lead to a directory.
std::string link_target(const fs::path& link) {
  std::error_code failed;
  const fs::path target = fs::read_symlink(link, failed);
  return !failed && fs::is_directory(link.parent_path() / target) ? target.string() : "";
}

}  // namespace

void write_checkpoint(const std::string& directory, const Checkpoint& checkpoint) {
  AtomicPath temporary(directory);
  temporary.create_directory();
  const std::string folder = temporary.path() + "/";
  write_safetensors(folder + kModelFile, checkpoint.model, {{"format", "pt"}});
  write_safetensors(folder + kTrainingFile, checkpoint.training);
  write_data_spec(folder + kSpecFile, checkpoint.spec);
  write_plain(folder + kConfigFile, checkpoint.config_yaml);
  write_plain(folder + kStateFile, state_of(temporary.path(), checkpoint).dump(2) + "\n");
  // Something of that name can only be a broken or abandoned checkpoint: out of the way, then gone.
  const std::string replaced = directory + ".replaced";
  std::error_code ignored;
  fs::remove_all(replaced, ignored);
  fs::rename(directory, replaced, ignored);
  temporary.commit();
  fs::remove_all(replaced, ignored);
}

Checkpoint read_checkpoint(const std::string& directory) {
  const Json state = read_state(directory);
  check_files(directory, state);
  const std::string folder = directory + "/";
  Checkpoint checkpoint;
  checkpoint.directory = directory;
  for (const auto& [name, value] : state["values"].items()) checkpoint.values[name] = value;
  checkpoint.model = read_safetensors(folder + kModelFile).tensors;
  checkpoint.training = read_safetensors(folder + kTrainingFile).tensors;
  checkpoint.spec = read_data_spec(folder + kSpecFile);
  checkpoint.config_yaml = read_file(folder + kConfigFile);
  return checkpoint;
}

bool is_checkpoint(const std::string& directory) {
  return fs::exists(fs::path(directory) / kStateFile) || fs::exists(fs::path(directory) / kModelFile);
}

CheckpointFolder::CheckpointFolder(std::string directory, int64_t keep_last)
    : directory_(std::move(directory)), keep_last_(keep_last) {}

std::string CheckpointFolder::save(const Checkpoint& checkpoint, bool best) {
  const std::string name = step_name(checkpoint.values.at("step"));
  std::error_code failed;
  fs::create_directories(directory_, failed);
  if (failed) throw Error({directory_, "cannot create the folder: " + failed.message()});
  write_checkpoint(directory_ + "/" + name, checkpoint);
  replace_symlink(name, directory_ + "/last");
  if (best) replace_symlink(name, directory_ + "/best");
  prune();
  return directory_ + "/" + name;
}

void CheckpointFolder::mark_best() {
  const std::string newest = link_target(last());
  if (!newest.empty()) replace_symlink(newest, best());
}

std::vector<std::string> CheckpointFolder::list() const {
  std::vector<std::string> found;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(directory_, none)) {
    const std::string name = entry.path().filename();
    if (name.starts_with(kStepPrefix) && name.find('.') == std::string::npos) found.push_back(entry.path());
  }
  std::sort(found.rbegin(), found.rend());
  return found;
}

// Besides the last few and the best goes what is newer than the newest (a run went back before it) and what
// killed processes left half-written.
void CheckpointFolder::prune() const {
  const std::string newest = directory_ + "/" + link_target(last());
  const std::string best_path = directory_ + "/" + link_target(best());
  std::error_code ignored;
  int64_t kept = 0;
  for (const std::string& path : list()) {
    const bool keep = path <= newest && kept < keep_last_;
    if (keep) ++kept;
    if (!keep && path != best_path) fs::remove_all(path, ignored);
  }
  for (const auto& entry : fs::directory_iterator(directory_, ignored)) {
    const std::string name = entry.path().filename();
    if (name.starts_with(kStepPrefix) && name.find('.') != std::string::npos)
      fs::remove_all(entry.path(), ignored);
  }
}

std::optional<Checkpoint> CheckpointFolder::find_newest() const {
  for (const std::string& path : list()) {
    try {
      return read_checkpoint(path);
    } catch (const Error& error) {
      log_warning(text("passing over a broken checkpoint: ", error.what()));
    }
  }
  return std::nullopt;
}

std::string CheckpointFolder::best() const { return directory_ + "/best"; }
std::string CheckpointFolder::last() const { return directory_ + "/last"; }

std::string resolve_checkpoint(const std::string& path) {
  if (is_checkpoint(path)) return path;
  const fs::path folder = fs::path(path) / "checkpoints";
  for (const char* name : {"best", "last"})
    if (is_checkpoint(folder / name)) return fs::canonical(folder / name);
  const auto all = CheckpointFolder(folder, 1).list();
  if (!all.empty()) return all.front();
  throw usage_error({path, fs::exists(path) ? "holds no checkpoint" : "no such file or directory",
                     "a run directory or a checkpoint directory", "", "see runs/*/checkpoints/"});
}

}  // namespace athanor
