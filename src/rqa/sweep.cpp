#include "src/rqa/sweep.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>

#include "src/core/error.h"
#include "src/core/stop.h"
#include "src/core/text.h"
#include "src/core/thread_pool.h"
#include "src/rqa/cuda/gpu_lines.h"
#include "src/rqa/recording.h"
#include "src/rqa/sweep_store.h"

namespace athanor::rqa {
namespace {

using Clock = std::chrono::steady_clock;
double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

struct Plan {
  SweepHead head;
  std::vector<std::string> paths;  // of head.recordings
};

// Reads every recording of the shard once: what is left after this is what the file has room for.
Plan make_plan(const SweepOptions& options, ThreadPool& pool) {
  Study study = find_study(options.input);
  std::vector<StudyFile> mine;
  for (size_t i = 0; i < study.files.size(); ++i)
    if (static_cast<int64_t>(i) % options.shards == options.shard) mine.push_back(study.files[i]);
  std::vector<std::string> reasons(mine.size());
  pool.parallel_for(static_cast<int64_t>(mine.size()), [&](int64_t i) {
    RecordingInfo& info = mine[i].info;
    try {
      const Recording recording = load_recording(mine[i].path, info.file);
      check_usable(recording, info.file, options.grid, options.analyses);
      info.rows = static_cast<int64_t>(recording.x.size());
      info.fingerprint = recording.fingerprint;
      info.gaze = find_gaze_features(recording.x, recording.y, recording.times_ms, options.gaze_rules);
    } catch (const Error& error) {
      reasons[i] = error.what();
    }
  });
  Plan plan{{options.version,
             options.analyses,
             options.grid,
             options.definitions,
             options.metrics,
             options.gaze_rules,
             options.shard,
             options.shards,
             {},
             std::move(study.left_out)},
            {}};
  for (size_t i = 0; i < mine.size(); ++i) {
    if (reasons[i].empty()) {
      plan.head.recordings.push_back(mine[i].info);
      plan.paths.push_back(mine[i].path);
    } else {
      plan.head.left_out.push_back({mine[i].info.file, reasons[i]});
    }
  }
  std::sort(plan.head.left_out.begin(), plan.head.left_out.end());
  if (plan.head.recordings.empty() && options.shards == 1)
    throw Error({options.input, "no recording that can be used", "", plan.head.left_out.front().reason, ""});
  return plan;
}

// What a sweep writes would be read as recordings of the study by the next one.
void check_apart(const SweepOptions& options) {
  namespace fs = std::filesystem;
  std::error_code failed;
  if (!fs::is_directory(options.input, failed)) return;
  const fs::path study = fs::weakly_canonical(options.input, failed),
                 inner = fs::weakly_canonical(options.output, failed).lexically_relative(study);
  if (!failed && !inner.empty() && *inner.begin() != "..")
    throw usage_error(
        {options.output, "lies in the study's folder", "", "", "choose an --output outside of it"});
}

// The recordings to do, the longest first: the last to end is a short one, on any number of threads.
std::vector<int64_t> order_of(const SweepHead& head, const std::vector<bool>& done) {
  std::vector<int64_t> order;
  for (size_t i = 0; i < done.size(); ++i)
    if (!done[i]) order.push_back(static_cast<int64_t>(i));
  std::stable_sort(order.begin(), order.end(),
                   [&](int64_t a, int64_t b) { return head.recordings[a].rows > head.recordings[b].rows; });
  return order;
}

void do_recording(const Plan& plan, int64_t i, GpuLines* gpu, SweepStore& store) {
  const RecordingInfo& info = plan.head.recordings[i];
  // Read again rather than kept: under 1 % of a sweep's time, and memory does not grow with the study.
  const Recording recording = load_recording(plan.paths[i], info.file);
  if (recording.fingerprint != info.fingerprint)
    throw Error(
        {plan.paths[i], "has changed since the sweep began", "", "", "sweep anew, into another folder"});
  std::vector<double> values(static_cast<size_t>(plan.head.values_per_recording()));
  std::vector<int64_t> fingerprints;
  for (size_t a = 0; a < plan.head.analyses.size(); ++a) {
    analyse(series_of(recording, plan.head.analyses[a]), plan.head.grid, plan.head.definitions,
            plan.head.metrics, values.data(), {.gpu = gpu});
    fingerprints.push_back(store.write(a, i, values));
  }
  store.note(i, fingerprints);
}

}  // namespace

nlohmann::ordered_json event_json(const SweepEvent& event) {
  using Kind = SweepEvent::Kind;
  switch (event.kind) {
    case Kind::kLeftOut:
      return {{"event", "left_out"}, {"file", event.file}, {"reason", event.reason}};
    case Kind::kRecording:
      return {{"event", "recording"},
              {"file", event.file},
              {"done", event.done},
              {"recordings", event.recordings},
              {"seconds", event.seconds}};
    case Kind::kStarted:
      return {{"event", "started"},
              {"done", event.done},
              {"recordings", event.recordings},
              {"combinations", event.combinations}};
    case Kind::kGpuFailed:
      return {{"event", "gpu_failed"}, {"reason", event.reason}};
    case Kind::kFinished:
      break;
  }
  return {{"event", "finished"},
          {"results", event.file},
          {"done", event.done},
          {"recordings", event.recordings},
          {"seconds", event.seconds}};
}

SweepCounts sweep(const SweepOptions& options, const SweepWatcher& watch) {
  const Clock::time_point start = Clock::now();
  check_apart(options);
  ThreadPool pool(options.threads - 1);
  const Plan plan = make_plan(options, pool);
  SweepStore store(options.output, plan.head, options.resume);
  for (const LeftOut& each : plan.head.left_out)
    watch({.kind = SweepEvent::Kind::kLeftOut, .file = each.file, .reason = each.reason});
  SweepEvent event{.recordings = static_cast<int64_t>(plan.head.recordings.size()),
                   .combinations = options.grid.combinations()};
  const std::vector<int64_t> order =
      store.complete() ? std::vector<int64_t>() : order_of(plan.head, store.done());
  event.done = event.recordings - static_cast<int64_t>(order.size());
  const SweepCounts counts{event.recordings, static_cast<int64_t>(plan.head.left_out.size()), event.done, 0};
  watch(event);
  std::mutex one_at_a_time;
  std::optional<GpuLines> gpu;
  if (options.gpu != nullptr)
    gpu.emplace(*options.gpu, [&](const std::string& why) {
      const std::lock_guard held(one_at_a_time);
      watch({.kind = SweepEvent::Kind::kGpuFailed, .reason = why});
    });
  pool.parallel_for(static_cast<int64_t>(order.size()), [&](int64_t i) {
    if (stop_requested())
      throw Error({options.output, "stopped", "", "", "go on with --resume"}, ExitCode::kInterrupted);
    do_recording(plan, order[i], gpu ? &*gpu : nullptr, store);
    const std::lock_guard held(one_at_a_time);
    event.kind = SweepEvent::Kind::kRecording;
    event.file = plan.head.recordings[order[i]].file;
    event.done += 1;
    event.seconds = seconds_since(start);
    watch(event);
  });
  store.finish();
  event.kind = SweepEvent::Kind::kFinished;
  event.file = options.output + "/sweep.h5";
  event.seconds = seconds_since(start);
  watch(event);
  return {counts.recordings, counts.left_out, counts.resumed, event.seconds};
}

}  // namespace athanor::rqa
