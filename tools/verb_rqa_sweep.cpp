// athanor rqa sweep, merge, synth: a study's recordings at all combinations of a grid.
#include <CLI/CLI.hpp>
#include <ctime>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "src/core/config.h"
#include "src/core/error.h"
#include "src/core/log.h"
#include "src/core/progress.h"
#include "src/core/stop.h"
#include "src/core/text.h"
#include "src/rqa/cuda/gpu_lines.h"
#include "src/rqa/steps.h"
#include "src/rqa/synth_study.h"
#include "tools/rqa_sweep_config.h"
#include "tools/rqa_verbs.h"

namespace athanor {
namespace {

using rqa::SweepEvent;

struct SweepFlags {
  std::string input, output, config, shard, steps;
  std::vector<std::string> overrides;  // key=value, of the flags that were given
  bool resume = false, json = false, cpu_only = false;
};

// Paths may hold anything.
void print_json(const SweepEvent& event) {
  std::cout << rqa::event_json(event).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)
            << std::endl;
}

// A bar on a terminal, plain lines elsewhere.
class Bar {
 public:
  void show(const SweepEvent& event) {
    if (event.kind == SweepEvent::Kind::kLeftOut) return log_warning("left out " + event.reason);
    if (event.kind == SweepEvent::Kind::kGpuFailed)
      return log_warning(text("the GPU failed (", event.reason, "); going on with the CPU"));
    const ProgressState state{
        .step = event.done, .steps = event.recordings, .samples = event.done, .unit = "recordings"};
    if (event.kind == SweepEvent::Kind::kFinished) return progress_.finish(state);
    progress_.update(state);
  }

 private:
  Progress progress_;
};

// Null: the CPU counts.
const rqa::CudaLinesLibrary* find_gpu(const RqaSweepConfig& config) {
  if (config.device == "cpu") return nullptr;
  std::string why_not;
  const rqa::CudaLinesLibrary* gpu = rqa::find_cuda_lines(why_not);
  if (gpu != nullptr) log_info("counting on the GPU");
  if (gpu == nullptr && config.device == "cuda")
    log_warning(text("--device cuda: no GPU that can be used (", why_not, "); going on with the CPU"));
  return gpu;
}

void print_counts(const rqa::SweepCounts& counts, const rqa::SweepOptions& options) {
  std::cout << "swept " << counts.recordings << " recordings at " << options.grid.combinations()
            << " combinations, " << join(options.analyses, " and ") << ", to " << options.output
            << "/sweep.h5 in " << decimals(counts.seconds, 2) << " s, "
            << decimals(static_cast<double>(std::clock()) / CLOCKS_PER_SEC, 2) << " s of CPU time";
  if (counts.resumed > 0) std::cout << "; " << counts.resumed << " of them in an earlier run";
  if (counts.left_out > 0) std::cout << "; " << counts.left_out << " left out";
  std::cout << "\n";
}

void write_steps_of(const SweepFlags& flags, const rqa::SweepOptions& options) {
  const std::vector<rqa::Combination> combinations = rqa::combinations_of(flags.steps, options.grid);
  Progress progress;
  ProgressState state{.steps = static_cast<int64_t>(combinations.size()), .unit = "combinations"};
  const rqa::StepsCounts counts = rqa::write_steps(rqa::load_results(options.output), options.output,
                                                   combinations, options.threads, [&](int64_t done) {
                                                     state.step = state.samples = done;
                                                     if (!flags.json) progress.update(state);
                                                   });
  if (flags.json) return;
  progress.finish(state);
  std::cout << "wrote the five steps of " << counts.written << " combinations to " << options.output;
  if (counts.there > 0) std::cout << "; " << counts.there << " were there already";
  std::cout << "\n";
}

void run_sweep(const SweepFlags& flags) {
  RqaSweepConfig config;
  read_config(flags.config, flags.overrides, fields_of(config));
  if (flags.cpu_only) config.device = "cpu";
  rqa::SweepOptions options = config.options();
  options.input = flags.input;
  options.output = flags.output;
  options.version = ATHANOR_VERSION;
  options.resume = flags.resume;
  if (!flags.shard.empty()) std::tie(options.shard, options.shards) = rqa_shard(flags.shard);
  if (!flags.steps.empty()) rqa::combinations_of(flags.steps, options.grid);  // before hours of work
  if (!flags.steps.empty() && options.shards > 1)
    throw usage_error({"--steps", "a shard has not all recordings", "", "",
                       "merge the shards, then sweep --resume --steps into the same folder"});
  options.gpu = find_gpu(config);
  install_stop_signals();
  Bar bar;
  const rqa::SweepCounts counts = rqa::sweep(
      options,
      flags.json ? rqa::SweepWatcher(print_json) : [&bar](const SweepEvent& event) { bar.show(event); });
  if (!flags.json) print_counts(counts, options);
  if (!flags.steps.empty()) write_steps_of(flags, options);
}

// Flags that are keys of the configuration: what is given goes over the file's.
void add_config_flags(CLI::App& verb, const std::shared_ptr<SweepFlags>& flags) {
  const auto add = [&](const std::string& key, const std::string& type, const std::string& help,
                       bool is_text) {
    verb.add_option_function<std::string>(
            "--" + key,
            [flags, key, is_text](const std::string& given) {
              flags->overrides.push_back(key + "=" + (is_text ? nlohmann::json(given).dump() : given));
            },
            help)
        ->type_name(type);
  };
  add("m", "LIST", "embedding dimensions (1:10)", true);
  add("tau", "LIST", "delays in samples (1:10)", true);
  add("eps", "LIST", "thresholds (0.05:0.10:0.001)", true);
  add("lmin", "LIST", "shortest lines that count (2:3)", true);
  add("metrics", "LIST", "metrics by commas, or all (RR,DET,L,L_max,ENT)", true);
  add("analyses", "LIST", "of 1d_x, 1d_y, 2d, or all (1d_x,2d)", true);
  add("preset", "NAME", "whose definitions: default, seed-cpu, seed-gpu, pyrqa, accrqa, pyunicorn", true);
  add("theiler", "N", "diagonals nearer to the main one are left out", false);
  add("norm", "NAME", "L1, L2 or Linf, for 1D and 2D", true);
  for (const auto& [key, help] : {std::pair("strict", "recurrent below eps alone, not at it"),
                                  std::pair("std", "eps is in standard deviations of each series")})
    verb.add_flag_callback(
        std::string("--") + key,
        [flags, key = std::string(key)] { flags->overrides.push_back(key + "=true"); }, help);
  add("device", "NAME", "auto, cpu or cuda: who counts; without a GPU it is the CPU", true);
  add("threads", "N", "recordings at a time (as many as the CPU has)", false);
}

}  // namespace

void add_rqa_sweep(CLI::App& rqa) {
  auto flags = std::make_shared<SweepFlags>();
  CLI::App* verb = rqa.add_subcommand("sweep", "Analyse a study's recordings at every combination of a grid");
  verb->add_option("--input", flags->input,
                   "recordings named {n|m|ad}{id}q{1-5}_….csv, or a manifest: file,group,subject,task")
      ->required()
      ->type_name("DIR|FILE.csv");
  verb->add_option("--output", flags->output, "the folder of sweep.h5")->required()->type_name("DIR");
  verb->add_option("--config", flags->config, "a file of these settings; flags go over it")
      ->type_name("FILE.yaml");
  add_config_flags(*verb, flags);
  verb->add_flag("--cpu-only", flags->cpu_only, "as --device cpu");
  verb->add_option("--shard", flags->shard, "the recordings of this machine, i from 0 to n-1")
      ->type_name("i/n");
  verb->add_option(
          "--steps", flags->steps,
          "write the five steps' folders too, of all combinations or of some: m2_tau1_eps0.06_lmin2,…")
      ->type_name("LIST");
  verb->add_flag("--resume", flags->resume, "go on with an unfinished sweep");
  verb->add_flag("--json", flags->json, "progress as lines of JSON on standard output");
  verb->footer(
      "Example:\n"
      "  athanor rqa sweep --input study --output swept --config configs/rqa_sweep.yaml\n"
      "  athanor rqa sweep --input study --output part0 --shard 0/8 --resume");
  verb->callback([flags] { run_sweep(*flags); });
}

void add_rqa_merge(CLI::App& rqa) {
  struct Flags {
    std::string output;
    std::vector<std::string> shards;
  };
  auto flags = std::make_shared<Flags>();
  CLI::App* verb = rqa.add_subcommand("merge", "Join the shards of a sweep into what a single run gives");
  verb->add_option("output", flags->output, "the folder to write sweep.h5 to")->required()->type_name("OUT");
  verb->add_option("shards", flags->shards, "the folders of all shards")->required()->type_name("SHARD");
  verb->footer("Example:\n  athanor rqa merge swept part0 part1 part2 part3");
  verb->callback([flags] {
    const rqa::SweepCounts counts = rqa::merge_shards(flags->output, flags->shards);
    std::cout << "merged " << flags->shards.size() << " shards, " << counts.recordings << " recordings, to "
              << flags->output << "/sweep.h5\n";
  });
}

void add_rqa_synth(CLI::App& rqa) {
  auto options = std::make_shared<rqa::SynthStudyOptions>();
  CLI::App* verb =
      rqa.add_subcommand("synth", "Make a study: the gaze of three groups of subjects at five tasks");
  verb->add_option("--output", options->output, "the folder to make")->required()->type_name("DIR");
  verb->add_option("--seed", options->seed, "the same seed gives the same study")->capture_default_str();
  verb->add_option("--effect", options->effect, "how much the groups differ; 0: not at all")
      ->capture_default_str()
      ->check(CLI::Range(0.0, 10.0));
  verb->footer("Example:\n  athanor rqa synth --output study");
  verb->callback([options] {
    const int64_t recordings = rqa::write_synth_study(*options);
    std::cout << "wrote " << options->output << ": " << recordings
              << " recordings of three groups (control, mci, ad) at five tasks, seed " << options->seed
              << "\n";
  });
}

}  // namespace athanor
