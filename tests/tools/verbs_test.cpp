// What the verbs print and write when all is well.
#include <catch2/catch.hpp>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "data/hdf5/hdf5_file.h"
#include "src/core/files.h"
#include "tests/tools/program.h"

namespace athanor::testing {
namespace {

using Json = nlohmann::ordered_json;

CATCH_TEST_CASE("help: each verb says what it is in its first line and ends with an example", "[unit]") {
  const std::vector<std::string> verbs{
      "train",           "eval",          "predict",         "export",           "prepare bars", "synth bars",
      "config show",     "config schema", "config validate", "config reference", "doctor",       "bench",
      "augment preview", "tokenize",      "rqa synth",       "rqa sweep",        "rqa merge"};
  std::vector<Run> runs{{{"--help"}}};
  for (const std::string& verb : verbs) {
    Run run;
    const size_t space = verb.find(' ');
    run.arguments.push_back(verb.substr(0, space));
    if (space != std::string::npos) run.arguments.push_back(verb.substr(space + 1));
    run.arguments.emplace_back("--help");
    runs.push_back(run);
  }
  const std::vector<Outcome> outcomes = run_all(runs);
  for (size_t i = 0; i < runs.size(); ++i) {
    const Outcome& outcome = outcomes[i];
    CATCH_INFO((i == 0 ? "athanor" : verbs[i - 1]) << "\n" << outcome.out << outcome.err);
    CATCH_CHECK(outcome.exit_code == 0);
    const std::vector<std::string> lines = lines_of(outcome.out);
    CATCH_REQUIRE(lines.size() > 3);
    CATCH_CHECK(lines[0].size() > 20);
    CATCH_CHECK(lines[0].find("Usage") == std::string::npos);
    const std::string invocation = i == 0 ? "athanor train" : "athanor " + verbs[i - 1];
    CATCH_CHECK(outcome.out.find(invocation, outcome.out.find("xample") + (i == 0)) != std::string::npos);
    if (i == 0)
      for (const std::string& verb : verbs)
        CATCH_CHECK(outcome.out.find("\n  " + verb.substr(0, verb.find(' '))) != std::string::npos);
  }
}

CATCH_TEST_CASE("eval: a table, a report and predictions of the same samples", "[unit]") {
  const std::string report = fixtures() + "/report.json", said = fixtures() + "/said.h5";
  const Outcome outcome = run_athanor({{"eval", fixtures() + "/run", "--split", "val", "--json", report,
                                        "--predictions", said, "--with-inputs"}});
  CATCH_INFO(outcome.err);
  CATCH_REQUIRE(outcome.exit_code == 0);
  CATCH_CHECK(outcome.out.find("accuracy") != std::string::npos);
  CATCH_CHECK(outcome.out.find("true \\ predicted") != std::string::npos);
  const Json json = Json::parse(read_file(report));
  CATCH_CHECK(json["split"] == "val");
  CATCH_CHECK(json["step"] == 4);
  const auto samples = json["samples"].get<int64_t>();
  const Hdf5File file = Hdf5File::open(said);
  for (const char* name : {"time", "inputs/M1", "inputs/M5", "outputs/direction", "outputs/magnitude",
                           "labels/direction", "labels/magnitude"})
    CATCH_CHECK(file.info(name).shape[0] == samples);
  // The report's accuracy follows from the predictions written.
  const auto logits = file.read<float>("outputs/direction");
  const auto labels = file.read<int64_t>("labels/direction");
  int64_t right = 0;
  for (int64_t i = 0; i < samples; ++i) {
    const float* row = logits.data() + 3 * i;
    right += std::max_element(row, row + 3) - row == labels[i];
  }
  CATCH_CHECK(json["metrics"]["accuracy"]["model"]["value"].get<double>() ==
              Approx(static_cast<double>(right) / static_cast<double>(samples)));
}

CATCH_TEST_CASE("eval: the last checkpoint stands in for a best one that is missing, and it says so",
                "[unit]") {
  namespace fs = std::filesystem;
  const std::string run = fixtures() + "/nobest";
  fs::copy(fixtures() + "/run", run, fs::copy_options::recursive | fs::copy_options::copy_symlinks);
  fs::remove(run + "/checkpoints/best");
  const Outcome outcome = run_athanor({{"eval", run}});
  CATCH_CHECK(outcome.exit_code == 0);
  CATCH_CHECK(outcome.err.find("no best checkpoint") != std::string::npos);
}

CATCH_TEST_CASE("config show: what it prints is a configuration, and the same one again", "[unit]") {
  const std::string again = fixtures() + "/again.yaml";
  for (const auto& [file, override, shown] :
       {std::tuple(fixtures() + "/job.yaml", "optimizer.lr=0.00123", "lr: 0.00123"),
        std::tuple(std::string(ATHANOR_SOURCE_DIR "/configs/rqa_sweep.yaml"), "theiler=7", "theiler: 7")}) {
    const Outcome once = run_athanor({{"config", "show", file, override}});
    CATCH_INFO(once.err);
    CATCH_CHECK(once.exit_code == 0);
    CATCH_CHECK(once.out.find(shown) != std::string::npos);
    write_file_atomically(again, once.out);
    CATCH_CHECK(run_athanor({{"config", "show", again}}).out == once.out);
  }
}

CATCH_TEST_CASE("config validate: every file of configs/ is a configuration", "[unit]") {
  std::vector<std::string> arguments{"config", "validate"};
  std::string want;
  for (const auto& entry : std::filesystem::directory_iterator(ATHANOR_SOURCE_DIR "/configs")) {
    arguments.push_back(entry.path());
    want += entry.path().string() + ": OK\n";
  }
  CATCH_REQUIRE(arguments.size() > 5);
  const Outcome outcome = run_athanor({arguments});
  CATCH_CHECK(outcome.err.empty());
  CATCH_CHECK(outcome.out == want);
}

CATCH_TEST_CASE("config schema: JSON that knows every section, config reference: Markdown", "[unit]") {
  const Json schema = Json::parse(run_athanor({{"config", "schema"}}).out);
  for (const char* section :
       {"data", "model", "objective", "evaluator", "trainer", "optimizer", "schedule", "prepare"})
    CATCH_CHECK(schema["properties"].contains(section));
  const Json sweep = Json::parse(run_athanor({{"config", "schema", "rqa_sweep"}}).out);
  CATCH_CHECK(sweep["properties"].contains("saccade_per_s"));
  const Outcome reference = run_athanor({{"config", "reference"}});
  for (const char* key : {"| `trainer.max_epochs` |", "| `saccade_per_s` |"})
    CATCH_CHECK(reference.out.find(key) != std::string::npos);
}

CATCH_TEST_CASE("doctor: this machine passes, in words and as JSON", "[unit]") {
  const std::vector<Outcome> outcomes = run_all({{{"doctor"}}, {{"doctor", "--json"}}});
  CATCH_INFO(outcomes[0].out << outcomes[0].err);
  CATCH_CHECK(outcomes[0].exit_code == 0);
  CATCH_CHECK(outcomes[0].out.find("LSTM") != std::string::npos);
  CATCH_CHECK(outcomes[0].left.empty());
  const Json json = Json::parse(outcomes[1].out);
  CATCH_CHECK(json["ok"] == true);
  CATCH_CHECK(json["findings"].size() >= 10);
}

CATCH_TEST_CASE("doctor: a folder that cannot be written to is a failure, with what to do", "[unit]") {
  // Its own small file is over the limit.
  const Outcome outcome = run_athanor({{"doctor"}, 1000});
  CATCH_CHECK(outcome.exit_code == 1);
  CATCH_CHECK(outcome.out.find("writing files      FAILED") != std::string::npos);
  CATCH_CHECK(outcome.out.find("->") != std::string::npos);
  CATCH_CHECK(outcome.left.empty());
}

}  // namespace
}  // namespace athanor::testing
