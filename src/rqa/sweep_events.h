// What a sweep says of its progress, for whoever shows it: a terminal's bar, lines of JSON. Events come one
// at a time, from any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace athanor::rqa {

struct SweepEvent {
  enum class Kind { kLeftOut, kStarted, kRecording, kGpuFailed, kFinished };
  Kind kind = Kind::kStarted;
  std::string file = {};     // the recording that is done or left out; at the end, the results
  std::string reason = {};   // why it is left out, or the CPU goes on
  int64_t done = 0;          // recordings, those of earlier runs among them
  int64_t recordings = 0;    // of this run's shard
  int64_t combinations = 0;  // of each recording and analysis
  double seconds = 0;        // since the start
};

using SweepWatcher = std::function<void(const SweepEvent&)>;

// {"event": "recording", "file": …, "done": 3, "recordings": 305, …}; what an event does not have is not in
// it.
nlohmann::ordered_json event_json(const SweepEvent& event);

}  // namespace athanor::rqa
