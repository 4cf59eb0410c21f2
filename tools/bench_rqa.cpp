// athanor bench rqa: CPU milliseconds of recurrence analysis: the whole grid of 10,200 combinations over one
// recording of 5,000 samples, a whole study, one combination. Alone it compares the fastest kernel of this
// CPU with the plain one, or the GPU with the CPU; with --serve it runs a round for each line on stdin, so
// that scripts/bench_rqa.py can alternate it with the Python rivals.
#include <CLI/CLI.hpp>
#include <chrono>
#include <ctime>
#include <iostream>
#include <memory>

#include "src/core/error.h"
#include "src/core/text.h"
#include "src/core/thread_pool.h"
#include "src/rqa/cuda/gpu_lines.h"
#include "src/rqa/recording.h"
#include "src/rqa/synth_study.h"
#include "src/rqa/walk.h"
#include "tools/bench.h"
#include "tools/rqa_flags.h"

namespace athanor {
namespace {

using rqa::Metric;

struct RqaBenchFlags {
  std::string cases = "grid_1d,grid_2d,study,one", serve, series, device = "cpu";
  RqaDefinitionFlags definitions;
  int64_t rows = 5000, m = 2, tau = 1, lmin = 2;
  double eps = 0.06;
  int rounds = 6, threads = 1;
  bool vertical = false, json = false;
};

rqa::Grid whole_grid() {
  rqa::Grid grid{{}, {}, {}, {2, 3}};
  for (int64_t k = 1; k <= 10; ++k) grid.m.push_back(k), grid.tau.push_back(k);
  for (int k = 0; k <= 50; ++k) grid.eps.push_back((50 + k) / 1000.0);
  return grid;
}

// The study that `athanor rqa synth` writes.
std::vector<rqa::Recording> made_study() {
  std::vector<rqa::Recording> recordings;
  for (const rqa::SynthRecording& made : rqa::make_synth_study({}))
    recordings.push_back(rqa::parse_recording(made.csv, made.name));
  return recordings;
}

// A recording of `rows` samples: of the study's, one after the other.
rqa::Recording long_recording(int64_t rows, size_t first) {
  static const std::vector<rqa::Recording> study = made_study();
  rqa::Recording out;
  for (size_t k = first; static_cast<int64_t>(out.x.size()) < rows; ++k) {
    const rqa::Recording& next = study[k % study.size()];
    out.x.insert(out.x.end(), next.x.begin(), next.x.end());
    out.y.insert(out.y.end(), next.y.begin(), next.y.end());
  }
  out.x.resize(static_cast<size_t>(rows)), out.y.resize(static_cast<size_t>(rows));
  return out;
}

double cpu_ms() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) * 1e-6;
}

class RqaRound {
 public:
  RqaRound(const RqaBenchFlags& flags, const std::string& name) : flags_(flags), pool_(flags.threads - 1) {
    definitions_ = flags.definitions.definitions();
    grid_ = name == "one" ? rqa::Grid{{flags.m}, {flags.tau}, {flags.eps}, {flags.lmin}} : whole_grid();
    metrics_ = {Metric::kRR, Metric::kDET, Metric::kL, Metric::kLmax, Metric::kENT};
    if (flags.vertical) metrics_.insert(metrics_.end(), {Metric::kLAM, Metric::kTT, Metric::kVmax});
    if (name == "study") {
      recordings_ = made_study();
    } else if (name == "long_study") {
      for (size_t k = 0; k < 300; ++k) recordings_.push_back(long_recording(5000, k));
    } else if (!flags.series.empty()) {
      recordings_.push_back(rqa::load_recording(flags.series));
    } else {
      recordings_.push_back(long_recording(flags.rows, 0));
    }
    const bool both = name == "study" || name == "long_study";
    if (both || name != "grid_2d") analyses_.emplace_back("1d_x");
    if (both || name == "grid_2d") analyses_.emplace_back("2d");
    size_t samples = 0;
    for (const rqa::Recording& each : recordings_) samples += each.x.size();
    shape_ = text(recordings_.size(), " recordings, ", samples, " samples, ", join(analyses_, " and "), ", ",
                  grid_.combinations(), " combinations");
  }
  // -> CPU milliseconds.
  double round(const rqa::AnalyseOptions& options) {
    const auto start = std::chrono::steady_clock::now();
    const double before = cpu_ms();
    pool_.parallel_for(static_cast<int64_t>(recordings_.size() * analyses_.size()), [&](int64_t k) {
      const size_t recording = static_cast<size_t>(k) / analyses_.size();
      analyse(rqa::series_of(recordings_[recording], analyses_[static_cast<size_t>(k) % analyses_.size()]),
              options);
    });
    const double after = cpu_ms();
    wall_ms_ = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
    return after - before;
  }
  double wall_ms() const { return wall_ms_; }
  const std::string& shape() const { return shape_; }

 private:
  void analyse(const rqa::Series& series, const rqa::AnalyseOptions& options) {
    thread_local std::vector<double> values;
    values.resize(static_cast<size_t>(grid_.combinations()) * metrics_.size());
    rqa::analyse(series, grid_, definitions_, metrics_, values.data(), options);
  }

  const RqaBenchFlags& flags_;
  ThreadPool pool_;
  rqa::Definitions definitions_;
  rqa::Grid grid_;
  std::vector<Metric> metrics_;
  std::vector<rqa::Recording> recordings_;
  std::vector<std::string> analyses_;
  double wall_ms_ = 0;
  std::string shape_;
};

// Null: the CPU counts.
std::unique_ptr<rqa::GpuLines> open_gpu(const std::string& device) {
  if (device == "cpu") return nullptr;
  std::string why_not;
  const rqa::CudaLinesLibrary* library = rqa::find_cuda_lines(why_not);
  const auto fail = [](const std::string& why) { throw Error({"--device cuda", why, "", "", ""}); };
  if (library == nullptr) fail(why_not);
  return std::make_unique<rqa::GpuLines>(*library, fail);
}

// Rivals are timed by the clock: so is this.
void serve(const RqaBenchFlags& flags) {
  RqaRound side(flags, flags.serve);
  const std::unique_ptr<rqa::GpuLines> gpu = open_gpu(flags.device);
  side.round({.gpu = gpu.get()});
  std::cout << "ready " << side.shape() << std::endl;
  for (std::string line; std::getline(std::cin, line);) {
    side.round({.gpu = gpu.get()});
    std::cout << side.wall_ms() << std::endl;
  }
}

// The GPU beside the CPU, by the clock; the CPU's fastest kernel beside its plain one, in CPU time.
void run_case(const RqaBenchFlags& flags, const std::string& name) {
  RqaRound side(flags, name);
  const std::unique_ptr<rqa::GpuLines> gpu = open_gpu(flags.device);
  Measurement out;
  out.shape = side.shape();
  out.threads = flags.threads;
  out.precision = "fp64";
  std::vector<double> walls;
  std::vector<std::function<double()>> sides{[&] {
    const double cpu = side.round({.gpu = gpu.get()});
    walls.push_back(side.wall_ms());
    return gpu ? side.wall_ms() : cpu;
  }};
  const bool alone = name == "long_study" && !gpu;
  if (!alone)
    sides.push_back([&] {
      const double cpu = side.round({.kernel = gpu ? nullptr : rqa::walk_kernels().back()});
      return gpu ? side.wall_ms() : cpu;
    });
  const std::vector<std::vector<double>> times = alternate(flags.rounds, sides);
  out.ours = {text("rqa/", name, gpu ? " (GPU)" : " (CPU time)"), times[0]};
  if (!alone) out.compared_with = {{gpu ? "the CPU" : "its plain kernel", times[1]}};
  out.more.emplace_back("wall_ms", Rounds{"", walls}.median_ms());
  out.more.emplace_back("peak_memory_mib", memory_mib("VmHWM"));
  print_measurement(out, flags.json);
}

void run_rqa_bench(const RqaBenchFlags& flags) {
  const std::vector<std::string> known{"grid_1d", "grid_2d", "study", "one", "long_study"};
  const auto check = [&](const std::string& name) {
    if (std::find(known.begin(), known.end(), name) == known.end())
      throw usage_error({"--cases", text("unknown case '", name, "'"), "", "", suggestion(name, known)});
  };
  if (!flags.serve.empty()) {
    check(flags.serve);
    return serve(flags);
  }
  for (const std::string& name : split(flags.cases, ',')) check(name), run_case(flags, name);
}

}  // namespace

void add_rqa_bench(CLI::App& bench) {
  auto flags = std::make_shared<RqaBenchFlags>();
  CLI::App* verb =
      bench.add_subcommand("rqa", "Recurrence analysis: the whole grid, a study, one combination");
  verb->add_option("--cases", flags->cases,
                   "of grid_1d, grid_2d, study, one, long_study (300 recordings of 5,000)")
      ->capture_default_str();
  verb->add_option("--serve", flags->serve,
                   "one case: a round for each line on stdin, for scripts/bench_rqa.py");
  verb->add_option("--series", flags->series, "CSV with x and y, instead of made gaze");
  verb->add_option("--rows", flags->rows, "samples of made gaze")->capture_default_str();
  verb->add_option("--m", flags->m, "of one combination")->capture_default_str();
  verb->add_option("--tau", flags->tau, "of one combination")->capture_default_str();
  verb->add_option("--eps", flags->eps, "of one combination")->capture_default_str();
  verb->add_option("--lmin", flags->lmin, "of one combination")->capture_default_str();
  flags->definitions.add_to(*verb);
  verb->add_flag("--vertical", flags->vertical, "LAM, TT and V_max too");
  verb->add_option("--rounds", flags->rounds, "alternating rounds")->capture_default_str();
  verb->add_option("--threads", flags->threads, "threads")->capture_default_str();
  verb->add_option("--device", flags->device, "cpu, or cuda: the GPU beside the CPU, by the clock")
      ->capture_default_str()
      ->check(CLI::IsMember({"cpu", "cuda"}));
  verb->add_flag("--json", flags->json, "one JSON object a line");
  verb->callback([flags] { run_rqa_bench(*flags); });
}

}  // namespace athanor
