// Runs the built `athanor` as a person would, each time in an empty folder, with its output caught.
#pragma once

#include <csignal>
#include <cstdint>
#include <string>
#include <vector>

namespace athanor::testing {

struct Run {
  std::vector<std::string> arguments;
  int64_t file_limit_bytes = 0;  // no file may grow beyond this: stands for a full disk (0: no limit)
  std::string stdout_path = {};  // "" to catch it
  int64_t kill_after_ms = 0;     // where it still runs (0: never)
  int kill_signal = SIGKILL;     // that it is sent then
};

struct Outcome {
  int exit_code = -1;  // 128 + signal if one ended it, 124 after half a minute
  std::string out, err;
  int64_t peak_bytes = 0;         // of memory
  std::vector<std::string> left;  // files and folders that it left behind in its folder
};

Outcome run_athanor(const Run& run);
// Two at a time; outcomes in the order of the runs.
std::vector<Outcome> run_all(const std::vector<Run>& runs);

// Data, jobs, runs and broken files that the tests share, made once a process by athanor itself:
//   job.yaml, bars.csv, bars.h5, windows.h5 (layout windows), features.h5, other.h5 (other windows), run/
const std::string& fixtures();

std::vector<std::string> lines_of(const std::string& text);

}  // namespace athanor::testing
