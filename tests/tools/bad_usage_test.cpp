// Command lines and job files that are wrong.
#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <fstream>

#include "src/core/error.h"
#include "tests/tools/bad_input.h"
#include "trainers/job.h"

namespace athanor::testing {
namespace {

std::string write(const std::string& name, const std::string& content) {
  const std::string path = fixtures() + "/" + name;
  std::ofstream(path, std::ios::binary) << content;
  return path;
}

CATCH_TEST_CASE("bad input: command lines", "[unit]") {
  const std::string job = fixtures() + "/job.yaml", run = fixtures() + "/run", pipe = fixtures() + "/pipe";
  ::mkfifo(pipe.c_str(), 0600);
  check_bad_inputs({
      {"no verb", {}, 2, {"subcommand", "athanor --help"}},
      {"unknown verb", {"trian", job}, 2, {"trian", "did you mean 'train'"}},
      {"unknown flag", {"train", job, "--run-dri", "x"}, 2, {"--run-dri"}},
      {"eval of nothing", {"eval"}, 2, {"run"}},
      {"unknown split", {"eval", run, "--split", "tset"}, 2, {"--split", "tset", "test"}},
      {"inputs without a file for them",
       {"eval", run, "--with-inputs"},
       2,
       {"--with-inputs", "--predictions"}},
      {"a report into no folder", {"eval", run, "--json", "no/such/report.json"}, 2, {"--json", "no/such"}},
      {"a report over a folder", {"eval", run, "--json", fixtures()}, 2, {"--json", "folder"}},
      {"a report over a pipe", {"eval", run, "--json", pipe}, 2, {pipe, "pipe"}},
      {"no run there", {"eval", "runs/none"}, 2, {"runs/none", "no such file"}},
      {"a run without a checkpoint", {"eval", fixtures()}, 2, {fixtures(), "checkpoint"}},
      {"train without a job", {"train"}, 2, {"CONFIG"}},
      {"resume of nothing",
       {"train", "--run-dir", "runs/none", "--resume"},
       2,
       {"runs/none", "no run to resume"}},
      {"resume without a run", {"train", "--resume"}, 2, {"--run-dir"}},
      {"a run that is there already", {"train", job, "--run-dir", run}, 2, {run, "--resume"}},
      {"a run in a file", {"train", job, "--run-dir", job + "/run"}, 1, {job + "/run"}, 0, true},
      {"export of nothing", {"export", "runs/none", "--output", "m.pt"}, 2, {"runs/none"}},
      {"export into no folder", {"export", run, "--output", "no/such/m.pt"}, 1, {"no/such"}},
      {"unknown export format",
       {"export", run, "--output", "m.pt", "--format", "onnx"},
       2,
       {"--format", "onnx"}},
      {"minutes that are no number",
       {"synth", "bars", "--output", "x.csv", "--minutes", "many"},
       2,
       {"--minutes", "many"}},
      {"no minutes at all", {"synth", "bars", "--output", "x.csv", "--minutes", "0"}, 2, {"--minutes", "0"}},
      {"synth into no folder", {"synth", "bars", "--output", "no/such/x.csv"}, 1, {"no/such/x.csv"}},
      {"unknown kind of data", {"synth", "tides"}, 2, {"tides", "bars"}},
      {"prepare without input", {"prepare", "bars", "--output", "x.h5"}, 2, {"--input"}},
      {"unknown layout",
       {"prepare", "bars", "--input", fixtures() + "/bars.csv", "--output", "x.h5", "--layout", "rows"},
       2,
       {"layout", "rows", "windows"}},
      {"unknown benchmark", {"bench", "speed"}, 2, {"speed", "loader"}},
      {"a key mistyped in a file",
       {"config", "validate", write("typo.yaml", "seed: 1\nmodle:\n  name: mlp\n")},
       2,
       {"typo.yaml:2", "modle", "did you mean 'model'"}},
      {"a key mistyped in an override",
       {"config", "show", job, "optimizer.lrr=1"},
       2,
       {"optimizer.lrr", "did you mean 'lr'"}},
      {"a configuration of no kind",
       {"config", "validate", write("none.yaml", "colour: red\n")},
       2,
       {"none.yaml: not a configuration of any kind", "keys of job (seed,", "of rqa_sweep (m, tau,",
        "colour"}},
      {"a sweep's key misspelt",
       {"config", "validate", write("sweep.yaml", "m: 1:3\neps: 0.05\ntaau: 2\n")},
       2,
       {"sweep.yaml:3: unknown key 'taau'", "did you mean 'tau'?"}},
      {"a sweep's range without a step",
       {"config", "validate", write("range.yaml", "m: 1:3\neps: 0.05:0.1\n")},
       2,
       {"range.yaml: eps: not understood", "first:last:step"}},
      {"a kind that is not known", {"config", "schema", "rqa"}, 2, {"did you mean 'rqa_sweep'?"}},
      {"a broken file", {"config", "validate", write("broken.yaml", "seed: [1\n")}, 2, {"broken.yaml:"}},
      {"no disk for what is printed", {"config", "schema"}, 1, {"space"}, 0, false, {}, "/dev/full"},
  });
}

struct BadJob {
  std::string path, override;
};
struct BadJobLine {
  std::string name;
  BadJob job;
  std::vector<std::string> fragments;
};

// The same check as for whole runs, but of what reads jobs alone: no process is started.
void check_bad_jobs(const std::vector<BadJobLine>& table) {
  for (const BadJobLine& line : table) {
    CATCH_INFO(line.name);
    std::string said;
    ExitCode exit_code = ExitCode::kDone;
    try {
      load_job(line.job.path, line.job.override.empty() ? std::vector<std::string>()
                                                        : std::vector<std::string>{line.job.override});
    } catch (const Error& error) {
      said = error.what();
      exit_code = error.exit_code();
    }
    CATCH_CHECK(exit_code == ExitCode::kUsage);
    CATCH_CHECK(lines_of(said).size() == 1);
    for (const std::string& fragment : line.fragments) CATCH_CHECK_THAT(said, Catch::Contains(fragment));
  }
}

CATCH_TEST_CASE("bad input: keys and values of jobs", "[unit]") {
  const std::string job = fixtures() + "/job.yaml";
  const auto with = [&](const std::string& override) { return BadJob{job, override}; };
  const auto file = [](const std::string& name, const std::string& content) {
    return BadJob{write(name, content), ""};
  };
  check_bad_jobs({
      {"a section mistyped",
       file("a.yaml", "seed: 1\noptimzer:\n  lr: 1\n"),
       {"a.yaml:2", "optimzer", "optimizer"}},
      {"a key mistyped", file("b.yaml", "optimizer:\n  lrr: 1\n"), {"b.yaml:2", "lrr", "did you mean 'lr'"}},
      {"a word for a number",
       file("c.yaml", "optimizer:\n  lr: fast\n"),
       {"c.yaml:2", "optimizer.lr", "fast"}},
      {"a fraction for a count",
       file("d.yaml", "data:\n  batch_size: 12.5\n"),
       {"d.yaml:2", "batch_size", "12.5"}},
      {"a list for a number", file("e.yaml", "seed: [1, 2]\n"), {"e.yaml:1", "seed"}},
      {"a value for a section", file("f.yaml", "trainer: 7\n"), {"f.yaml:1", "trainer"}},
      {"a section for a value", file("g.yaml", "seed:\n  value: 1\n"), {"g.yaml:", "seed"}},
      {"a list for a job", file("h.yaml", "- seed: 1\n"), {"h.yaml"}},
      {"a bracket left open", file("i.yaml", "seed: 1\nprepare:\n  features: [a, b\n"), {"i.yaml:"}},
      {"a tab for indentation", file("j.yaml", "optimizer:\n\tlr: 1\n"), {"j.yaml:2", "tab"}},
      {"a key twice", file("k.yaml", "seed: 1\ndevice: cpu\nseed: 2\n"), {"k.yaml:3", "seed", "twice"}},
      {"bytes for a job", file("l.yaml", std::string("\x89HDF\r\n\x1a\n\0\0\xff\xfe", 12)), {"l.yaml"}},
      {"a run that never ends", file("m.yaml", "trainer:\n  max_epochs: 0\n"), {"m.yaml", "max_epochs"}},
      {"no such job", BadJob{"nowhere.yaml", ""}, {"nowhere.yaml", "no such"}},
      {"a folder for a job", BadJob{fixtures(), ""}, {fixtures(), "folder"}},
      {"an override of nothing", with("optimizer.lrr=1"), {"optimizer.lrr", "did you mean"}},
      {"an override without a value", with("optimizer.lr"), {"optimizer.lr", "="}},
      {"an override without a key", with("=3"), {"=3"}},
      {"an override with a hole", with("optimizer..lr=1"), {"optimizer."}},
      {"an empty override value", with("optimizer.lr="), {"optimizer.lr"}},
      {"below the range", with("optimizer.lr=-1"), {"optimizer.lr", "-1"}},
      {"nothing where something is needed", with("data.batch_size=0"), {"data.batch_size", "0"}},
      {"not a number", with("optimizer.lr=.nan"), {"optimizer.lr", "nan"}},
      {"too large for an integer", with("seed=99999999999999999999"), {"seed", "99999999999999999999"}},
      {"unknown precision", with("trainer.precision=fp8"), {"trainer.precision", "fp8", "bf16"}},
      {"unknown model", with("model.name=lsmt"), {"lsmt", "multi_timeframe_lstm"}},
      {"unknown dataset", with("data.name=bras"), {"bras", "bars"}},
      {"unknown objective", with("objective.name=profit"), {"profit", "direction_magnitude"}},
      {"unknown evaluator", with("evaluator.name=markte"), {"markte", "market"}},
      {"unknown optimizer", with("optimizer.name=adamv"), {"adamv", "adamw"}},
      {"unknown schedule", with("schedule.name=cosin"), {"cosin", "cosine"}},
      {"another model's key", with("model.hidden_sizes=[3]"), {"model.hidden_sizes"}},
  });
}

CATCH_TEST_CASE("bad input: jobs that this machine or this data cannot do", "[unit]") {
  const std::string job = fixtures() + "/job.yaml";
  const auto train = [&](const std::string& override) {
    return std::vector<std::string>{"train", job, override, "--run-dir", "new"};
  };
  check_bad_inputs({
      {"fp16 on a CPU",
       {"train", job, "device=cpu", "trainer.precision=fp16", "--run-dir", "new"},
       2,
       {"fp16", "bf16"}},
      {"unknown device", train("device=tpu"), 2, {"tpu", "cuda"}},
      {"an input that the data lacks", train("model.inputs=[M1, M7]"), 2, {"M7", "M5"}},
      {"a batch larger than the data",
       {"train", job, "data.batch_size=100000", "data.drop_last=true", "--run-dir", "new"},
       2,
       {"batch"}},
      {"an objective without its label", train("objective.name=mse"), 2, {"mse", "label"}},
      {"an objective without its output",
       train("model={name: mlp, outputs: {direction: 3}}"),
       2,
       {"magnitude", "direction"}},
      {"a metric that is not measured", train("trainer.monitor=val/profit"), 2, {"val/profit", "val/loss"}},
      {"an empty job", {"train", write("empty.yaml", ""), "--run-dir", "new"}, 2, {"data.path"}},
      {"no such data", train("data.path=nowhere.h5"), 1, {"nowhere.h5", "No such file"}},
      {"a folder for data", train("data.path=" + fixtures()), 1, {fixtures(), "directory"}},
  });
}

CATCH_TEST_CASE("bad input: a GPU where there is none", "[unit]") {
  const std::string job = fixtures() + "/job.yaml";
  if (run_athanor({{"train", job, "device=cuda", "--dry-run"}}).exit_code == 0) {
    CATCH_WARN("skipped: this machine has a GPU");
    return;
  }
  check_bad_inputs({{"cuda", {"train", job, "device=cuda", "--run-dir", "new"}, 2, {"cuda", "device=cpu"}}});
}

}  // namespace
}  // namespace athanor::testing
