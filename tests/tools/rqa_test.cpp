// `athanor rqa` synth, sweep and merge, and the script that spreads a sweep over a Slurm array.
#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "src/core/files.h"
#include "src/rqa/results.h"
#include "tests/tools/bad_input.h"
#include "tests/tools/program.h"

namespace athanor::testing {
namespace {

namespace fs = std::filesystem;
using Catch::Matchers::Contains;

const std::string& study() {
  static const std::string folder = [] {
    const std::string path = fixtures() + "/rqa_study";
    const Outcome made = run_athanor({{"rqa", "synth", "--output", path, "--seed", "5"}});
    CATCH_INFO(made.err);
    CATCH_REQUIRE(made.exit_code == 0);
    CATCH_CHECK_THAT(made.out, Contains("305 recordings of three groups"));
    return path;
  }();
  return folder;
}

// A folder of its own under the fixtures that is not there yet.
std::string fresh(const std::string& name) {
  const std::string path = fixtures() + "/" + name;
  fs::remove_all(path);
  return path;
}

std::vector<std::string> sweep_into(const std::string& output, const std::vector<std::string>& more) {
  std::vector<std::string> arguments{"rqa", "sweep", "--input", study(), "--output", output};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

Outcome need_run(const std::vector<std::string>& arguments) {
  Outcome outcome = run_athanor({arguments});
  CATCH_INFO(outcome.err);
  CATCH_REQUIRE(outcome.exit_code == 0);
  return outcome;
}

const std::vector<std::string> kSmall{"--m", "1:3", "--tau", "1:4", "--eps", "0.05:0.09:0.02"};

}  // namespace

CATCH_TEST_CASE("rqa sweep: killed by SIGKILL again and again, it resumes to the bytes of a whole run",
                "[unit]") {
  const std::vector<std::string> grid{"--m",   "1:10",           "--tau",     "1:10",
                                      "--eps", "0.05:0.09:0.01", "--threads", "1"};
  const std::string whole = fresh("rqa_whole"), killed = fresh("rqa_killed");
  need_run(sweep_into(whole, grid));
  Run run{sweep_into(killed, grid)};
  run.arguments.emplace_back("--resume");
  int kills = 0;
  for (run.kill_after_ms = 300;; run.kill_after_ms += 200) {
    const Outcome outcome = run_athanor(run);
    if (outcome.exit_code != 128 + 9) {
      CATCH_INFO(outcome.err);
      CATCH_REQUIRE(outcome.exit_code == 0);
      break;
    }
    kills += fs::exists(killed + "/sweep.h5.partial") ? 1 : 0;
  }
  CATCH_CHECK(kills > 0);
  CATCH_CHECK(read_file(killed + "/sweep.h5") == read_file(whole + "/sweep.h5"));
  fs::remove_all(killed);
  fs::remove_all(whole);
}

CATCH_TEST_CASE("rqa sweep: SIGINT ends it with one line and exit code 130, and it resumes to the same bytes",
                "[unit]") {
  const std::vector<std::string> grid{"--threads", "2", "--cpu-only", "--lmin", "2", "--metrics", "RR,ENT"};
  const std::string whole = fresh("rqa_whole"), stopped = fresh("rqa_stopped");
  need_run(sweep_into(whole, grid));
  Run run{sweep_into(stopped, grid)};
  run.arguments.emplace_back("--resume");
  run.kill_signal = SIGINT;
  int stops = 0;
  for (run.kill_after_ms = 350;; run.kill_after_ms += 200) {
    const Outcome outcome = run_athanor(run);
    CATCH_INFO(outcome.err);
    if (outcome.exit_code == 0) break;
    CATCH_REQUIRE(outcome.exit_code == 130);
    if (outcome.err.empty()) continue;  // so early that it was not yet at work
    CATCH_CHECK(lines_of(outcome.err).back() ==
                "athanor: " + stopped + ": stopped; hint: go on with --resume");
    CATCH_CHECK(outcome.out.empty());
    CATCH_CHECK(fs::exists(stopped + "/sweep.h5.partial"));
    ++stops;
  }
  CATCH_CHECK(stops > 0);
  CATCH_CHECK(read_file(stopped + "/sweep.h5") == read_file(whole + "/sweep.h5"));
  fs::remove_all(stopped);
  fs::remove_all(whole);
}

CATCH_TEST_CASE("rqa sweep: the same bytes on one thread and on two", "[unit]") {
  const std::string one = fresh("rqa_thread"), two = fresh("rqa_threads");
  for (const auto& [output, threads] : {std::pair(one, "1"), std::pair(two, "2")}) {
    std::vector<std::string> arguments = sweep_into(output, kSmall);
    arguments.insert(arguments.end(), {"--threads", threads});
    need_run(arguments);
  }
  CATCH_CHECK(read_file(one + "/sweep.h5") == read_file(two + "/sweep.h5"));
}

CATCH_TEST_CASE("rqa sweep: a configuration holds all settings, and flags go over it", "[unit]") {
  const std::string output = fresh("rqa_config");
  const Outcome outcome =
      need_run(sweep_into(output, {"--config", ATHANOR_SOURCE_DIR "/configs/rqa_sweep.yaml", "--m", "2",
                                   "--eps", "0.06", "--theiler", "3", "--norm", "Linf", "--metrics", "DET,RR",
                                   "--analyses", "1d_y", "--device", "cuda"}));
  const rqa::SweepHead head = rqa::load_results(output).head();
  CATCH_CHECK(head.grid.m == std::vector<int64_t>{2});
  CATCH_CHECK(head.grid.tau.size() == 10);
  CATCH_CHECK(head.grid.eps == std::vector<double>{0.06});
  CATCH_CHECK(head.grid.lmin == std::vector<int64_t>{2, 3});
  CATCH_CHECK(head.metrics == std::vector<rqa::Metric>{rqa::Metric::kDET, rqa::Metric::kRR});
  CATCH_CHECK(head.analyses == std::vector<std::string>{"1d_y"});
  CATCH_CHECK(head.definitions.theiler == 3);
  CATCH_CHECK(head.definitions.norm_2d == rqa::Norm::kLinf);
  CATCH_CHECK_THAT(outcome.out, Contains("swept 305 recordings at 20 combinations, 1d_y"));
  CATCH_CHECK_THAT(outcome.err, Contains("305/305"));
}

CATCH_TEST_CASE("rqa sweep: --json tells the same progress in lines, with what was left out", "[unit]") {
  const std::string input = fresh("rqa_faulty"), output = fresh("rqa_json");
  fs::create_directories(input);
  fs::copy_file(study() + "/n01q1_synthetic.csv", input + "/n01q1_a.csv");
  std::ofstream(input + "/n01q2_a.csv") << "x,y\n0.1,0.2\n0.3,NaN\n";
  std::vector<std::string> arguments{"rqa", "sweep", "--input", input, "--output", output, "--json"};
  arguments.insert(arguments.end(), kSmall.begin(), kSmall.end());
  const Outcome outcome = need_run(arguments);
  const std::vector<std::string> lines = lines_of(outcome.out);
  CATCH_REQUIRE(lines.size() == 4);
  std::vector<std::string> events;
  for (const std::string& line : lines) events.push_back(nlohmann::json::parse(line).at("event"));
  CATCH_CHECK(events == std::vector<std::string>{"left_out", "started", "recording", "finished"});
  CATCH_CHECK(nlohmann::json::parse(lines[0])["reason"] ==
              "n01q2_a.csv:3: y is no number; expected a finite number, got 'NaN'");
  CATCH_CHECK(nlohmann::json::parse(lines[2])["done"] == 1);
  CATCH_CHECK(outcome.err.empty());
  arguments.insert(arguments.end(), {"--resume"});
  CATCH_CHECK_THAT(need_run(arguments).out, Contains(R"({"event":"started","done":1,"recordings":1,)"));
}

CATCH_TEST_CASE("rqa merge: the shards of the Slurm script merge into the bytes of one run", "[unit]") {
  const std::string one = fresh("rqa_one"), many = fresh("rqa_many");
  need_run(sweep_into(one, kSmall));
  const std::string script = ATHANOR_SOURCE_DIR "/scripts/rqa_slurm";
  const std::string program = "ATHANOR=" ATHANOR_BINARY_DIR "/athanor SLURM_CPUS_PER_TASK=2 ";
  for (int task = 4; task < 7; ++task) {
    const std::string command =
        program +
        "SLURM_ARRAY_TASK_MIN=4 SLURM_ARRAY_TASK_COUNT=3 SLURM_ARRAY_TASK_ID=" + std::to_string(task) + " " +
        script + " " + study() + " " + many + " --m 1:3 --tau 1:4 --eps 0.05:0.09:0.02 >" + fixtures() +
        "/slurm.log 2>&1";
    CATCH_INFO(read_file(script).size() << command);
    CATCH_REQUIRE(std::system(command.c_str()) == 0);
  }
  CATCH_REQUIRE(std::system((program + script + " merge " + many + " >/dev/null").c_str()) == 0);
  CATCH_CHECK(read_file(many + "/sweep.h5") == read_file(one + "/sweep.h5"));
}

CATCH_TEST_CASE("rqa sweep: --steps writes the five steps of chosen combinations, once", "[unit]") {
  const std::string output = fresh("rqa_steps");
  std::vector<std::string> arguments = sweep_into(output, kSmall);
  arguments.insert(arguments.end(), {"--resume", "--steps", "m2_tau1_eps0.07_lmin2,m3_tau4_eps0.05_lmin3"});
  CATCH_CHECK_THAT(need_run(arguments).out, Contains("wrote the five steps of 2 combinations"));
  CATCH_CHECK(lines_of(read_file(output + "/m3_tau4_eps0.05_lmin3/step2_data_merge/RQA_merged.csv")).size() ==
              306);
  CATCH_CHECK_THAT(need_run(arguments).out, Contains("0 combinations") && Contains("2 were there already"));
}

CATCH_TEST_CASE("bad input: rqa sweep", "[unit]") {
  const std::string nothing = fresh("rqa_nothing"), swept = fresh("rqa_swept"), faulty = fresh("rqa.yaml");
  fs::create_directories(nothing);
  std::ofstream(faulty) << "m: 1:3\ntaau: 1:4\n";
  need_run(sweep_into(swept, kSmall));
  const auto with = [](const std::vector<std::string>& more) { return sweep_into("out", more); };
  check_bad_inputs({
      {"no such study",
       {"rqa", "sweep", "--input", nothing + "/x", "--output", "out"},
       2,
       {"no such folder"}},
      {"no recordings",
       {"rqa", "sweep", "--input", nothing, "--output", "out"},
       2,
       {"no recordings", "rqa synth"}},
      {"a range backwards", with({"--m", "3:1"}), 2, {"m: a range that cannot be", "'3:1'"}},
      {"a range of decimals without a step",
       with({"--eps", "0.05:0.1"}),
       2,
       {"eps: not understood", "first:last:step"}},
      {"more values than memory holds",
       with({"--m", "1:1000000", "--tau", "1:1000000"}),
       2,
       {"m, tau, eps, lmin and metrics: too large a grid", "values of a recording"}},
      {"an m beyond all series", with({"--m", "4000000000"}), 2, {"m: values out of order or out of range"}},
      {"m of 0", with({"--m", "0:3"}), 2, {"m: values out of order or out of range", "each >= 1"}},
      {"a metric that is not known", with({"--metrics", "RR,DETT"}), 2, {"metrics: unknown 'DETT'", "'DET'"}},
      {"an analysis given twice", with({"--analyses", "2d,2d"}), 2, {"'2d' is given twice"}},
      {"a preset that is not known", with({"--preset", "pyrq"}), 2, {"preset", "pyrqa"}},
      {"a shard that is none", with({"--shard", "8/8"}), 2, {"--shard: not a shard", "0 to n-1"}},
      {"steps of a combination that is not swept",
       with({"--m", "2", "--steps", "m3_tau1_eps0.06_lmin2"}),
       2,
       {"--steps", "'m3_tau1_eps0.06_lmin2' is not in the sweep"}},
      {"steps of a shard",
       with({"--steps", "all", "--shard", "0/2"}),
       2,
       {"--steps: a shard has not all recordings", "merge"}},
      {"a key that is not known", with({"--config", faulty}), 2, {"rqa.yaml:2: unknown key 'taau'", "'tau'"}},
      {"results there already", sweep_into(swept, kSmall), 2, {"sweep.h5: is there already", "--resume"}},
      {"results of another sweep",
       sweep_into(swept, {"--resume"}),
       2,
       {"is of another sweep", "expected m 1,2,3,4"}},
      {"too few points",
       with({"--m", "500", "--tau", "9"}),
       1,
       {"no recording that can be used", "too few points"}},
      {"a full disk", with(kSmall), 1, {"sweep.h5", "File too large"}, 300'000, true, {"out"}},
      {"a shard that is missing", {"rqa", "merge", "out", swept, swept}, 2, {"given twice"}},
      {"no results", {"rqa", "merge", "out", nothing}, 1, {"cannot open the HDF5 file"}},
  });
}

}  // namespace athanor::testing
