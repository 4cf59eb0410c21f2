// The file of a sweep, `sweep.h5`: for each analysis (1d_x, 1d_y, 2d) a dataset f64 [recording, m, tau, eps,
// l_min, metric] with labelled axes, the axes' values, what is known of each recording, and what was left out
// with the reason. HDF5 without times: the same sweep has the same bytes. docs/recurrence.md lists all of it.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "data/hdf5/hdf5_file.h"
#include "src/rqa/analyse.h"
#include "src/rqa/gaze_events.h"

namespace athanor::rqa {

struct RecordingInfo {
  std::string file, group, subject, task;
  int64_t rows = 0;
  int64_t fingerprint = 0;  // of the file's bytes
  GazeFeatures gaze{};
};

struct LeftOut {
  std::string file, reason;
  auto operator<=>(const LeftOut&) const = default;
};

// All but the values.
struct SweepHead {
  std::string version;                // of the program
  std::vector<std::string> analyses;  // some of 1d_x, 1d_y, 2d
  Grid grid;
  Definitions definitions;
  std::vector<Metric> metrics;
  GazeRules gaze_rules;
  int64_t shard = 0, shards = 1;          // this file has the recordings of shard `shard` of `shards`
  std::vector<RecordingInfo> recordings;  // by file name
  std::vector<LeftOut> left_out;          // by file name

  int64_t values_per_recording() const {  // of one analysis
    return grid.combinations() * static_cast<int64_t>(metrics.size());
  }
};

// A text that may hold anything as a part of a file's name: what is neither letter, digit, '-', '_' nor '.'
// becomes %2F, so that different texts have different names.
std::string file_name_of(const std::string& plain);

// The groups that occur: control, mci, ad first, then others by name.
std::vector<std::string> group_names(const SweepHead& head);

// Everything in the head as names and texts, in a fixed order: two sweeps are of the same job if all are
// equal.
std::vector<std::pair<std::string, std::string>> describe(const SweepHead& head);

// A file with room for the values, which are not in it yet: rows [m, tau, eps, l_min, metric] f64 of
// recording r of `analysis` go to offset_bytes(analysis) + r * values_per_recording() * 8. Throws Error.
void create_results(const std::string& path, const SweepHead& head);

// An open file of results. Values are read a slice at a time: all of them may not fit into memory.
class SweepResults {
 public:
  // `path`: the file, or a folder with sweep.h5. Throws Error: not there, not such a file.
  explicit SweepResults(const std::string& path);
  const SweepHead& head() const { return head_; }
  const std::string& path() const { return file_.path(); }

  // [count, m, tau, eps, l_min, metric] from recording `first` on.
  std::vector<double> read_recordings(const std::string& analysis, int64_t first, int64_t count) const;
  // [recording, eps, l_min, metric] at m[m_index], tau[tau_index].
  std::vector<double> read_plane(const std::string& analysis, int64_t m_index, int64_t tau_index) const;
  // Where the values of `analysis` begin in the file; -1 where there are none.
  int64_t offset_bytes(const std::string& analysis) const { return file_.offset_bytes(analysis); }

 private:
  Hdf5File file_;
  SweepHead head_;
};
inline SweepResults load_results(const std::string& path) { return SweepResults(path); }

}  // namespace athanor::rqa
