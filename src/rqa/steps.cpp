#include "src/rqa/steps.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "src/core/error.h"
#include "src/core/files.h"
#include "src/core/raw_file.h"
#include "src/core/stop.h"
#include "src/core/text.h"
#include "src/core/thread_pool.h"
#include "src/rqa/grid_text.h"
#include "src/rqa/recording.h"
#include "src/rqa/step_pictures.h"

namespace athanor::rqa {
namespace {

namespace fs = std::filesystem;

constexpr size_t kBatch = 64;  // folders that wait for one sync

void put(const std::string& path, const std::string& content) {
  std::ofstream file(path, std::ios::binary);
  if (!(file << content << std::flush)) throw_system_error(path, "cannot write", "then go on with --resume");
}

// In place of a time: what the numbers were made of.
std::string numbers_fingerprint(const SweepHead& head, const StepTable& table) {
  int64_t seed = 0;
  for (const RecordingInfo& each : head.recordings)
    seed = fingerprint(each.file.data(), each.file.size(), seed ^ each.fingerprint);
  const int64_t all = fingerprint(table.values.data(), table.values.size() * sizeof(double), seed);
  char digits[17];
  std::snprintf(digits, sizeof digits, "%016lx", static_cast<unsigned long>(all));
  return digits;
}

std::string metadata_json(const SweepHead& head, const StepTable& table, const Combination& combination) {
  nlohmann::ordered_json definitions;
  for (const auto& [name, meaning] : describe(head.definitions)) definitions[name] = meaning;
  const Grid& grid = head.grid;
  nlohmann::ordered_json json{{"signature", signature_of(combination, grid)},
                              {"parameters",
                               {{"m", grid.m[combination.m]},
                                {"tau", grid.tau[combination.tau]},
                                {"eps", grid.eps[combination.eps]},
                                {"lmin", grid.lmin[combination.lmin]}}},
                              {"definitions", definitions},
                              {"program", "athanor " + head.version},
                              {"recordings", head.recordings.size()},
                              {"left_out", head.left_out.size()},
                              {"numbers_fingerprint", numbers_fingerprint(head, table)}};
  for (int step = 1; step <= 5; ++step) json[text("step_", step, "_completed")] = true;
  return json.dump(2) + "\n";
}

void write_folder(const std::string& folder, const SweepHead& head, const StepTable& table,
                  const Combination& combination, const std::string& metadata) {
  const auto step = [&](const char* name) {
    const std::string path = folder + "/" + name;
    std::error_code failed;
    fs::create_directories(path, failed);
    if (failed) throw Error({path, "cannot create the folder: " + failed.message(), "", "", ""});
    return path + "/";
  };
  const std::string first = step("step1_rqa_calculation");
  for (const std::string& group : group_names(head))
    put(first + "RQA_1D2D_summary_" + file_name_of(group) + ".csv", summary_csv(head, table, group));
  put(step("step2_data_merge") + "RQA_merged.csv", merged_csv(head, table, false));
  put(step("step3_feature_enrichment") + "RQA_enriched.csv", merged_csv(head, table, true));
  const StepStatistics statistics = test_measures(head, table);
  const std::string fourth = step("step4_statistics");
  put(fourth + "group_stats_output.csv", group_stats_csv(table, statistics));
  put(fourth + "multi_level_stats_output.csv", task_stats_csv(table, statistics));
  const std::string fifth = step("step5_visualization");
  for (const auto& [name, svg] : draw_steps(head, table, statistics, signature_of(combination, head.grid)))
    put(fifth + name, svg);
  put(folder + "/metadata.json", metadata);
}

// Folders in the making, which appear together when all of them are on the disk: one sync for many.
class Batch {
 public:
  explicit Batch(std::string folder) : folder_(std::move(folder)), staging_(folder_ + "/steps.partial") {
    std::error_code failed;
    fs::remove_all(staging_, failed);
    fs::create_directories(staging_, failed);
    if (failed) throw Error({staging_, "cannot create the folder: " + failed.message(), "", "", ""});
  }
  ~Batch() {
    std::error_code ignored;
    fs::remove_all(staging_, ignored);
  }
  Batch(const Batch&) = delete;
  Batch& operator=(const Batch&) = delete;

  std::string path_of(const std::string& signature) const { return staging_ + "/" + signature; }
  void publish(const std::vector<std::string>& signatures) {
    if (signatures.empty()) return;
    sync_path(staging_, ::syncfs);
    for (const std::string& signature : signatures) {
      std::error_code failed;
      fs::rename(path_of(signature), folder_ + "/" + signature, failed);
      if (failed)
        throw Error({folder_ + "/" + signature, "cannot rename into place: " + failed.message(), "", "", ""});
    }
    sync_path(folder_);
  }

 private:
  std::string folder_, staging_;
};

// Whether the folder of these very results is there.
bool complete(const std::string& folder, const std::string& metadata) {
  if (!fs::exists(folder)) return false;
  if (fs::exists(folder + "/metadata.json") && read_file(folder + "/metadata.json") == metadata) return true;
  throw usage_error({folder, "is of other results", "", "", "remove it, or take another folder"});
}

}  // namespace

StepsCounts write_steps(const SweepResults& results, const std::string& folder,
                        const std::vector<Combination>& combinations, int threads,
                        const std::function<void(int64_t done)>& done) {
  const SweepHead& head = results.head();
  Batch batch(folder);
  ThreadPool pool(threads - 1);
  StepsCounts counts;
  std::vector<std::vector<double>> planes;
  for (size_t first = 0; first < combinations.size();) {
    const Combination& one = combinations[first];
    planes.clear();
    for (const std::string& analysis : head.analyses)
      planes.push_back(
          results.read_plane(analysis, static_cast<int64_t>(one.m), static_cast<int64_t>(one.tau)));
    size_t end = first;
    while (end < combinations.size() && end - first < kBatch && combinations[end].m == one.m &&
           combinations[end].tau == one.tau)
      ++end;
    std::vector<std::string> made(end - first);
    pool.parallel_for(static_cast<int64_t>(end - first), [&](int64_t i) {
      if (stop_requested())
        throw Error({folder, "stopped", "", "", "go on with --resume"}, ExitCode::kInterrupted);
      const Combination& combination = combinations[first + static_cast<size_t>(i)];
      const std::string signature = signature_of(combination, head.grid);
      const StepTable table = make_step_table(head, planes, combination);
      const std::string metadata = metadata_json(head, table, combination);
      if (complete(folder + "/" + signature, metadata)) return;
      write_folder(batch.path_of(signature), head, table, combination, metadata);
      made[static_cast<size_t>(i)] = signature;
    });
    std::erase(made, "");
    batch.publish(made);
    counts.written += static_cast<int64_t>(made.size());
    counts.there += static_cast<int64_t>(end - first - made.size());
    first = end;
    done(counts.written + counts.there);
  }
  return counts;
}

}  // namespace athanor::rqa
