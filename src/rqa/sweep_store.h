// A sweep's values on their way into `sweep.h5`: rows are written at their places in a file beside it,
// sweep.h5.partial/sweep.h5, and what is there is noted in a journal, so that a killed sweep goes on where it
// was and ends with the same bytes. A note holds the fingerprint of its rows: those noted since the last sync
// are checked before they count, for after a loss of power the note may be there without them.
#pragma once

#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "src/core/raw_file.h"
#include "src/rqa/results.h"

namespace athanor::rqa {

class SweepStore {
 public:
  // Results go to `folder`/sweep.h5; makes the folder. Throws usage Error: results of another sweep are
  // there, finished or not, or those of this one are there unfinished and `resume` is not set.
  SweepStore(const std::string& folder, const SweepHead& head, bool resume);

  bool complete() const { return complete_; }              // the results of this very sweep were there
  const std::vector<bool>& done() const { return done_; }  // [recording] whose values are there

  // Values f64 [values_per_recording] of one recording; returns their fingerprint for note(). Any thread.
  int64_t write(size_t analysis, int64_t recording, const std::vector<double>& values);
  // All analyses of the recording are written. Any thread.
  void note(int64_t recording, const std::vector<int64_t>& fingerprints);
  // Makes the results of it. Throws Error.
  void finish();

 private:
  void start_anew();
  void go_on();
  void read_notes(const std::string& journal);
  bool holds(int64_t recording, const std::vector<int64_t>& fingerprints);
  void sync();

  std::string output_, folder_;
  SweepHead head_;
  bool complete_ = false;
  std::vector<bool> done_;
  std::vector<int64_t> offsets_;  // of each analysis
  std::unique_ptr<RawFile> values_, journal_;
  std::mutex mutex_;
  std::chrono::steady_clock::time_point synced_ = std::chrono::steady_clock::now();
};

// Throws usage Error naming the first thing in which the two differ.
void check_same_sweep(const std::string& where, const SweepHead& there, const SweepHead& wanted);

}  // namespace athanor::rqa
