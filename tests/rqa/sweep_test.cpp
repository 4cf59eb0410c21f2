// The sweep, its resumption and its shards: values, left-out recordings and bytes.
#include "src/rqa/sweep.h"

#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cmath>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "src/core/error.h"
#include "src/core/files.h"
#include "src/core/stop.h"
#include "src/rqa/recording.h"
#include "tests/rqa/small_study.h"

using namespace athanor;
using namespace athanor::rqa;
using Catch::Matchers::Contains;
namespace fs = std::filesystem;

namespace {

bool same(const double* a, const double* b, size_t count) {
  return std::memcmp(a, b, count * sizeof(double)) == 0;
}

// The bytes of a whole run of `options`, into a folder of its own.
std::string bytes_of_whole_run(SweepOptions options, const Scratch& scratch) {
  options.output = scratch / "whole";
  sweep(options, kSilent);
  return bytes_of(options);
}

// Sweeps all n shards; returns their folders. `options` is that of the last.
std::vector<std::string> sweep_shards(SweepOptions& options, int64_t n, const Scratch& scratch) {
  std::vector<std::string> shards;
  for (options.shards = n, options.shard = 0; options.shard < n; ++options.shard) {
    shards.push_back(options.output = scratch / ("shard" + std::to_string(options.shard)));
    sweep(options, kSilent);
  }
  return shards;
}

// Ends as by SIGKILL after `after` recordings; returns how many were noted by then.
void kill_after(const SweepOptions& options, int64_t after) {
  const pid_t child = ::fork();
  if (child == 0) {
    try {
      sweep(options, [&](const SweepEvent& event) {
        if (event.kind == SweepEvent::Kind::kRecording && --after == 0) ::raise(SIGKILL);
      });
    } catch (const std::exception&) {
    }
    ::_exit(1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  CATCH_REQUIRE(WIFSIGNALED(status));
}

}  // namespace

CATCH_TEST_CASE("rqa sweep: the file holds what analyse() gives, and what was left out with the reason",
                "[unit]") {
  const Scratch scratch;
  make_small_study(scratch);
  const SweepOptions options = small_sweep(scratch, "out");
  std::vector<SweepEvent> events;
  const SweepCounts counts = sweep(options, [&](const SweepEvent& event) { events.push_back(event); });
  CATCH_CHECK(counts.recordings == 12);
  CATCH_CHECK(counts.left_out == 2);
  const SweepResults results(options.output);
  const SweepHead& head = results.head();
  CATCH_REQUIRE(head.recordings.size() == 12);
  CATCH_CHECK(head.left_out[0].reason.find("ad1q1_a.csv:3: x is no number") == 0);
  CATCH_CHECK_THAT(head.left_out[1].reason, Contains("other.csv: not named as a recording"));
  const auto size = static_cast<size_t>(head.values_per_recording());
  for (const std::string& analysis : options.analyses)
    for (int64_t i : {0, 5, 11}) {
      std::vector<double> want(size);
      const Recording recording = load_recording(options.input + "/" + head.recordings[i].file);
      analyse(series_of(recording, analysis), options.grid, options.definitions, options.metrics,
              want.data());
      CATCH_CHECK(same(results.read_recordings(analysis, i, 1).data(), want.data(), size));
      CATCH_CHECK(std::isfinite(want[0]));
    }
  CATCH_REQUIRE(events.size() == 2 + 1 + 12 + 1);
  CATCH_CHECK(events[0].kind == SweepEvent::Kind::kLeftOut);
  CATCH_CHECK(event_json(events[2]).dump() ==
              R"({"event":"started","done":0,"recordings":12,"combinations":16})");
  CATCH_CHECK(events[14].done == 12);
  CATCH_CHECK(event_json(events[15])["event"] == "finished");
  CATCH_CHECK(!fs::exists(options.output + "/sweep.h5.partial"));
}

CATCH_TEST_CASE("rqa sweep: the same bytes on one thread and on two, and shards merge into them", "[unit]") {
  const Scratch scratch;
  make_small_study(scratch);
  SweepOptions options = small_sweep(scratch, "single");
  const std::string want = bytes_of_whole_run(options, scratch);
  options.threads = 1;
  sweep(options, kSilent);
  CATCH_CHECK(bytes_of(options) == want);
  std::vector<std::string> shards = sweep_shards(options, 5, scratch);
  std::swap(shards[0], shards[3]);
  const SweepCounts counts = merge_shards(scratch / "merged", shards);
  CATCH_CHECK(counts.recordings == 12);
  CATCH_CHECK(read_file(scratch / "merged/sweep.h5") == want);
  CATCH_CHECK_THROWS_WITH(merge_shards(scratch / "merged", shards), Contains("is there already"));
  shards.pop_back();
  CATCH_CHECK_THROWS_WITH(merge_shards(scratch / "m", shards), Contains("shard 4/5 is missing"));
  shards.push_back(shards[0]);
  CATCH_CHECK_THROWS_WITH(merge_shards(scratch / "m", shards), Contains("shard 3/5 is given twice"));
  shards.back() = scratch / "whole";
  CATCH_CHECK_THROWS_WITH(merge_shards(scratch / "m", shards), Contains("of another division"));
  options.output = shards.back() = scratch / "theiler";
  options.shard = 4;
  options.definitions.theiler = 2;
  sweep(options, kSilent);
  CATCH_CHECK_THROWS_WITH(merge_shards(scratch / "m", shards),
                          Contains("of another sweep") && Contains("definitions"));
}

CATCH_TEST_CASE("rqa sweep: a shard without recordings merges too", "[unit]") {
  const Scratch scratch;
  make_small_study(scratch);
  SweepOptions options = small_sweep(scratch, "");
  const std::string want = bytes_of_whole_run(options, scratch);
  merge_shards(scratch / "merged", sweep_shards(options, 20, scratch));
  CATCH_CHECK(read_file(scratch / "merged/sweep.h5") == want);
}

CATCH_TEST_CASE("rqa sweep: killed anywhere, it resumes without repeating a recording, to the same bytes",
                "[unit]") {
  const Scratch scratch;
  make_small_study(scratch);
  SweepOptions options = small_sweep(scratch, "");
  const std::string want = bytes_of_whole_run(options, scratch);
  options.resume = true;
  for (const int64_t after : {1, 2, 7, 12}) {
    options.output = scratch / ("killed" + std::to_string(after));
    kill_after(options, after);
    SweepOptions anew = options;
    anew.resume = false;
    CATCH_CHECK_THROWS_WITH(sweep(anew, kSilent), Contains("--resume"));
    const SweepCounts counts = sweep(options, kSilent);
    CATCH_CHECK(counts.resumed >= after);
    CATCH_CHECK(counts.resumed <= after + 1);  // another thread may have come as far
    CATCH_CHECK(bytes_of(options) == want);
  }
  const SweepCounts again = sweep(options, kSilent);
  CATCH_CHECK(again.resumed == 12);
  options.definitions.theiler = 3;
  CATCH_CHECK_THROWS_WITH(sweep(options, kSilent), Contains("of another sweep"));
}

CATCH_TEST_CASE("rqa sweep: killed twice before the first recording and after, with a torn journal",
                "[unit]") {
  const Scratch scratch;
  make_small_study(scratch);
  SweepOptions options = small_sweep(scratch, "");
  const std::string want = bytes_of_whole_run(options, scratch);
  options.output = scratch / "torn";
  options.resume = true;
  kill_after(options, 3);
  const std::string partial = options.output + "/sweep.h5.partial";
  std::ofstream(partial + "/journal.jsonl", std::ios::app) << R"({"recording":1,"finger)";
  kill_after(options, 2);
  // Noted, but its rows are not what was noted: as after a loss of power.
  const int64_t offset = SweepResults(partial + "/sweep.h5").offset_bytes("2d");
  std::fstream(partial + "/sweep.h5", std::ios::in | std::ios::out | std::ios::binary)
          .seekp(offset + 11 * 16 * 3 * 8)
      << "????????";
  const SweepCounts counts = sweep(options, kSilent);
  CATCH_CHECK(counts.resumed < 7);
  CATCH_CHECK(bytes_of(options) == want);
}

CATCH_TEST_CASE("rqa sweep: two processes do not write one file", "[unit]") {
  const Scratch scratch;
  make_small_study(scratch);
  SweepOptions options = small_sweep(scratch, "out");
  options.resume = true;
  int refused = 0;
  sweep(options, [&](const SweepEvent& event) {
    if (event.kind != SweepEvent::Kind::kStarted) return;
    CATCH_CHECK_THROWS_WITH(sweep(options, kSilent), Contains("another process is at work on it"));
    ++refused;
  });
  CATCH_CHECK(refused == 1);
}

CATCH_TEST_CASE("rqa sweep: a journal that no sweep has written is an error that says what to do", "[unit]") {
  const Scratch scratch;
  make_small_study(scratch);
  SweepOptions options = small_sweep(scratch, "out");
  options.resume = true;
  kill_after(options, 3);
  const std::string journal = options.output + "/sweep.h5.partial/journal.jsonl", good = read_file(journal);
  for (const char* line : {"what?", "7", R"({"recording":99,"fingerprints":[1,2]})", R"({"recording":-1})",
                           R"({"recording":"a"})", R"({"fingerprints":[1,2]})"}) {
    CATCH_INFO(line);
    std::ofstream(journal) << good << line << "\n{\"synced\":true}\n";
    CATCH_CHECK_THROWS_WITH(sweep(options, kSilent), Contains("not this sweep's journal") &&
                                                         Contains("sweep.h5.partial and sweep anew"));
  }
  std::ofstream(journal) << good << "{\"recording\":0,\"fingerprints\":[]}\n";  // holds for nothing
  sweep(options, kSilent);
  CATCH_CHECK(bytes_of(options) == bytes_of_whole_run(options, scratch));
}

CATCH_TEST_CASE("rqa sweep: stops when asked, names a study that is of no use, and a changed recording",
                "[unit]") {
  const Scratch scratch;
  make_small_study(scratch);
  SweepOptions options = small_sweep(scratch, "stopped");
  request_stop(true);
  CATCH_CHECK_THROWS_WITH(sweep(options, kSilent), Contains("stopped"));
  request_stop(false);
  std::ofstream(options.input + "/n0q1_a.csv", std::ios::app) << "0.5,0.5\n";
  options.resume = true;
  CATCH_CHECK_THROWS_WITH(sweep(options, kSilent), Contains("of another sweep") && Contains("n0q1_a.csv"));
  options.output = scratch / "study/out";
  CATCH_CHECK_THROWS_WITH(sweep(options, kSilent), Contains("lies in the study's folder"));
  options.output = scratch / "none";
  options.grid.m = {50};
  options.grid.tau = {10};
  CATCH_CHECK_THROWS_WITH(sweep(options, kSilent), Contains("no recording that can be used"));
  options.input = scratch / "loop";
  std::filesystem::create_symlink(options.input, options.input);  // to itself
  CATCH_CHECK_THROWS_WITH(sweep(options, kSilent), Contains("loop: cannot read: Too many levels"));
}
