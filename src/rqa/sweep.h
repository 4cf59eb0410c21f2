// The sweep: all recordings of a study at all combinations of a grid, into one file; on several machines by
// shards that merge into the same bytes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "src/rqa/results.h"
#include "src/rqa/sweep_events.h"

namespace athanor::rqa {

struct CudaLinesLibrary;  // cuda/gpu_lines.h

struct SweepOptions {
  std::string input;    // a folder or a manifest (recording.h)
  std::string output;   // the folder of sweep.h5
  std::string version;  // of the program
  Grid grid;
  Definitions definitions;
  std::vector<Metric> metrics;
  std::vector<std::string> analyses;
  GazeRules gaze_rules;
  int64_t shard = 0, shards = 1;  // this run takes the recordings whose number modulo `shards` is `shard`
  int threads = 1;
  const CudaLinesLibrary* gpu = nullptr;  // null: the CPU counts; the bytes are the same
  bool resume = false;
};

struct SweepCounts {
  int64_t recordings = 0, left_out = 0;
  int64_t resumed = 0;  // recordings of earlier runs
  double seconds = 0;
};

// Writes `output`/sweep.h5. What of the study cannot be used is left out: the watcher and the file say why.
// Where the GPU fails, the watcher says so, and the CPU goes on.
// Throws Error: nothing is left, disk full; stopped by a signal (exit code 130), to go on with `resume`.
SweepCounts sweep(const SweepOptions& options, const SweepWatcher& watch);

// Joins the shards of one sweep into `output`/sweep.h5, whose bytes are those of a single run. Throws usage
// Error: a shard is missing or given twice, they are of different sweeps, the output is there already.
SweepCounts merge_shards(const std::string& output, const std::vector<std::string>& shards);

}  // namespace athanor::rqa
