// athanor bench loader: epochs through the chunk loader. Alone it compares with plain H5Dread, one thread
// with several, checks on with off, and stored windows with windows cut on the fly; with --serve it runs a
// round for each line on stdin, so that scripts/bench_loader.py can alternate it with the Python rivals.
// Every side consumes a batch in the same way: one element a sample (x[:, -1, 0]) and every target are
// summed.
#include <ATen/core/Tensor.h>
#include <ATen/ops/sum.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>

#include "data/chunk_loader.h"
#include "data/dataset.h"
#include "data/hdf5/hdf5_file.h"
#include "src/core/config.h"
#include "src/core/error.h"
#include "src/core/random.h"
#include "src/core/text.h"
#include "tools/bench.h"

namespace athanor {
namespace {

constexpr int64_t kT = 360, kF = 167;          // the seed document's sample
constexpr int64_t kSmallT = 96, kSmallF = 18;  // a window of hours
constexpr int64_t kRowsAtOnce = 50;

struct LoaderFlags {
  std::string folder, make_data, serve, bars, windows;
  int64_t samples = 4000, gzip_samples = 1000, small_samples = 20000, threads = 2, batch_size = 128,
          shuffle_block = 4096;
  int rounds = 6;
  double chunk_gb = 0;
  std::string order = "shuffled", dataset = "features";
  bool json = false, check_finite = true, prefetch = true;
};

double ms_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
}

// Features like prices and indicators: random walks, rounded, so that gzip finds something.
void write_data(const std::string& path, int64_t samples, int64_t steps, int64_t features,
                const Hdf5Layout& layout) {
  Hdf5File file = Hdf5File::create(path);
  file.create_dataset<float>("features", {samples, steps, features}, layout);
  std::vector<float> rows(static_cast<size_t>(kRowsAtOnce * steps * features)), targets;
  std::vector<float> level(static_cast<size_t>(features), 0);
  Rng random(7);
  for (int64_t first = 0; first < samples; first += kRowsAtOnce) {
    for (size_t i = 0; i < rows.size(); ++i) {
      float& value = level[i % level.size()];
      value += static_cast<float>(static_cast<int64_t>(random.below(201)) - 100) / 1024;
      rows[i] = value;
    }
    file.write_rows<float>("features", first, std::min(kRowsAtOnce, samples - first), rows.data());
  }
  for (int64_t i = 0; i < samples; ++i) targets.push_back(static_cast<float>(i % 7));
  file.write<float>("targets", targets, {samples});
  file.close();
}

void make_data(const LoaderFlags& flags, const std::string& folder) {
  std::filesystem::create_directories(folder);
  write_data(folder + "/contiguous.h5", flags.samples, kT, kF, {});
  write_data(folder + "/small.h5", flags.small_samples, kSmallT, kSmallF, {});
  write_data(folder + "/gzip.h5", flags.gzip_samples, kT, kF,
             {.chunk_rows = 10, .gzip_level = 4, .shuffle = true});
}

// A loader over the whole of a file, warm between its rounds.
class Epochs {
 public:
  Epochs(const LoaderFlags& flags, const std::string& dataset, const std::string& path) {
    struct Job {
      DatasetChoice data{dataset_components(), "features"};
      void list_fields(Fields& fields) { fields.choice("data", data, "what to read"); }
    } job;
    const auto threads = text("data.threads=", flags.threads);
    std::vector<std::string> overrides = {"data.name=" + dataset,
                                          "data.path=" + path,
                                          "data.order=" + flags.order,
                                          threads,
                                          text("data.batch_size=", flags.batch_size),
                                          text("data.shuffle_block=", flags.shuffle_block),
                                          text("data.chunk_gb=", flags.chunk_gb),
                                          text("data.prefetch=", flags.prefetch ? "true" : "false")};
    if (dataset == "features") overrides.emplace_back("data.train_fraction=1");
    if (dataset == "features") overrides.emplace_back("data.val_fraction=0");
    if (dataset != "bars")
      overrides.push_back(text("data.check_finite=", flags.check_finite ? "true" : "false"));
    read_config("", overrides, fields_of(job));
    const std::unique_ptr<Dataset> opened = job.data.make();
    spec_ = opened->spec();
    const auto& config = dynamic_cast<const DatasetConfig&>(job.data.config());
    loader_ =
        std::make_unique<ChunkDataLoader>(opened->open(Split::kTrain), spec_, config.loader, 1, at::kCPU);
  }

  // One epoch; milliseconds.
  double round() {
    const auto start = std::chrono::steady_clock::now();
    double sum = 0;
    loader_->start_epoch(epoch_++);
    while (const auto batch = loader_->next()) {
      for (const auto& [name, x] : batch->inputs) sum += x.select(1, -1).select(1, 0).sum().item<double>();
      for (const auto& [name, y] : batch->labels) sum += y.sum().item<double>();
    }
    sum_ = sum;
    return ms_since(start);
  }

  const ChunkDataLoader& loader() const { return *loader_; }
  double sum() const { return sum_; }
  std::string shape() const {
    std::vector<std::string> inputs;
    for (const TensorSpec& input : spec_.inputs) inputs.push_back(shape_text(input.shape));
    return text(loader_->samples(), "x", join(inputs, "+"));
  }

 private:
  DataSpec spec_;
  std::unique_ptr<ChunkDataLoader> loader_;
  int64_t epoch_ = 0;
  double sum_ = 0;
};

// The plain native way: runs of 512 samples by H5Dread into one buffer, in order.
double h5dread_round(const std::string& path, std::vector<float>& buffer) {
  const auto start = std::chrono::steady_clock::now();
  const Hdf5File file = Hdf5File::open(path);
  const int64_t samples = file.info("features").shape[0];
  constexpr int64_t kRows = 512;
  buffer.resize(kRows * kT * kF);
  volatile float sum = 0;
  for (int64_t first = 0; first < samples; first += kRows) {
    const int64_t count = std::min(kRows, samples - first);
    file.read_rows("features", first, count, buffer.data());
    for (int64_t i = 0; i < count; ++i) sum = sum + buffer[static_cast<size_t>((i * kT + kT - 1) * kF)];
  }
  return ms_since(start);
}

// What the machine's memory allows: the file read into one buffer that stays in the cache, and nothing done
// with it.
double bare_read_round(const std::string& path) {
  const auto start = std::chrono::steady_clock::now();
  std::ifstream in(path, std::ios::binary);
  std::vector<char> buffer(1 << 20);
  in.rdbuf()->pubsetbuf(nullptr, 0);
  while (in.read(buffer.data(), static_cast<std::streamsize>(buffer.size()))) {
  }
  return ms_since(start);
}

Measurement measure(const LoaderFlags& flags, const std::string& name, Epochs& ours,
                    const std::string& rival_name, const std::function<double()>& rival) {
  const auto times = alternate(flags.rounds, {[&] { return ours.round(); }, rival});
  Measurement out;
  out.ours = {name, times[0]};
  out.shape = ours.shape();
  out.threads = static_cast<int>(flags.threads);
  out.samples = static_cast<double>(ours.loader().samples());
  out.compared_with = {{rival_name, times[1]}};
  return out;
}

void bench_contiguous(const LoaderFlags& flags, const std::string& path) {
  std::unique_ptr<Epochs> ours;
  const double peak = peak_memory_mib([&] {
    ours = std::make_unique<Epochs>(flags, "features", path);
    ours->round();
  });
  const double chunks = 2.0 * static_cast<double>(ours->loader().chunk_bytes()) / (1 << 20);
  std::vector<float> buffer;
  const auto times =
      alternate(flags.rounds, {[&] { return ours->round(); }, [&] { return h5dread_round(path, buffer); },
                               [&] { return bare_read_round(path); }});
  Measurement plain;
  plain.ours = {"loader/contiguous", times[0]};
  plain.shape = ours->shape();
  plain.threads = static_cast<int>(flags.threads);
  plain.samples = static_cast<double>(ours->loader().samples());
  plain.compared_with = {{"H5Dread in order, one thread", times[1]},
                         {"read(2) into one buffer, one thread", times[2]}};
  plain.more = {{"peak_mib", peak}, {"two_chunks_mib", chunks}};
  print_measurement(plain, flags.json);
  LoaderFlags unchecked = flags;
  unchecked.check_finite = false;
  Epochs rival(unchecked, "features", path);
  print_measurement(measure(flags, "loader/check_finite", *ours, "the same without the check for NaN",
                            [&] { return rival.round(); }),
                    flags.json);
}

void bench_gzip(const LoaderFlags& flags, const std::string& path) {
  LoaderFlags single = flags;
  single.threads = 1;
  Epochs ours(flags, "features", path), one(single, "features", path);
  print_measurement(measure(flags, text("loader/gzip/", flags.threads, "_threads"), ours,
                            "the same, one thread", [&] { return one.round(); }),
                    flags.json);
  std::vector<float> buffer;
  print_measurement(measure(single, "loader/gzip/1_thread", one, "H5Dread in order, one thread (zlib)",
                            [&] { return h5dread_round(path, buffer); }),
                    flags.json);
}

void bench_bars(const LoaderFlags& flags) {
  if (flags.bars.empty() || flags.windows.empty()) return;
  Epochs cut(flags, "bars", flags.bars), stored(flags, "windows", flags.windows);
  Measurement out =
      measure(flags, "loader/windows_on_the_fly", cut, "stored windows", [&] { return stored.round(); });
  const auto mib = [](const std::string& path) {
    return static_cast<double>(std::filesystem::file_size(path)) / (1 << 20);
  };
  out.more = {{"file_mib", mib(flags.bars)}, {"stored_file_mib", mib(flags.windows)}};
  if (cut.sum() != stored.sum())
    throw Error({.where = "bench loader",
                 .what = "the two files do not hold the same samples",
                 .hint = "prepare both from the same bars with the same settings"});
  print_measurement(out, flags.json);
}

// "ready" once warm; then each line "round" gives "MS SUM PEAK_MIB" (the peak above what was used before
// opening).
void serve(const LoaderFlags& flags) {
  const double before = memory_mib("VmRSS");
  std::ofstream("/proc/self/clear_refs") << "5";
  Epochs ours(flags, flags.dataset, flags.serve);
  std::cout << "ready " << ours.loader().describe() << std::endl;
  for (std::string line; std::getline(std::cin, line) && line == "round";) {
    const double ms = ours.round();
    std::cout << decimals(ms, 3) << " " << decimals(ours.sum(), 3) << " "
              << decimals(memory_mib("VmHWM") - before, 1) << std::endl;
  }
}

void run_loader_bench(const LoaderFlags& flags) {
  if (!flags.make_data.empty()) return make_data(flags, flags.make_data);
  if (!flags.serve.empty()) return serve(flags);
  std::string folder = flags.folder, temporary;
  if (folder.empty()) {
    temporary = (std::filesystem::temp_directory_path() / "athanor-bench-XXXXXX").string();
    if (mkdtemp(temporary.data()) == nullptr)
      throw Error({.where = temporary, .what = "cannot make a folder"});
    folder = temporary;
  }
  const auto remove = [&] {
    if (!temporary.empty()) std::filesystem::remove_all(temporary);
  };
  try {
    if (!temporary.empty()) make_data(flags, folder);
    bench_contiguous(flags, folder + "/contiguous.h5");
    bench_gzip(flags, folder + "/gzip.h5");
    bench_bars(flags);
  } catch (...) {
    remove();
    throw;
  }
  remove();
}

}  // namespace

void add_loader_bench(CLI::App& bench) {
  CLI::App* loader = bench.add_subcommand("loader", "Epochs through the chunk loader");
  auto flags = std::make_shared<LoaderFlags>();
  loader->add_flag("--json", flags->json, "one JSON object a measurement");
  loader->add_option("--path", flags->folder, "a folder that --make-data filled (default: a temporary one)");
  loader->add_option("--make-data", flags->make_data,
                     "write contiguous.h5, small.h5 and gzip.h5 into this folder, and stop");
  loader->add_option("--samples", flags->samples, "samples of [360,167] f32 in contiguous.h5")
      ->check(CLI::PositiveNumber);
  loader->add_option("--gzip-samples", flags->gzip_samples, "samples in gzip.h5")->check(CLI::PositiveNumber);
  loader->add_option("--small-samples", flags->small_samples, "samples of [96,18] f32 in small.h5")
      ->check(CLI::PositiveNumber);
  loader->add_option("--rounds", flags->rounds, "measured rounds of each side")->check(CLI::PositiveNumber);
  loader->add_option("--threads", flags->threads, "that read and inflate")->check(CLI::NonNegativeNumber);
  loader->add_option("--batch-size", flags->batch_size, "samples a batch")->check(CLI::PositiveNumber);
  loader->add_option("--shuffle-block", flags->shuffle_block, "data.shuffle_block");
  loader->add_option("--chunk-gb", flags->chunk_gb, "data.chunk_gb");
  loader->add_option("--order", flags->order, "shuffled, sequential or streams");
  loader->add_flag("--check-finite,!--no-check-finite", flags->check_finite, "data.check_finite");
  loader->add_flag("--prefetch,!--no-prefetch", flags->prefetch, "data.prefetch");
  loader->add_option("--bars", flags->bars, "prepared bars (layout bars), to compare with --windows");
  loader->add_option("--windows", flags->windows, "the same bars in layout windows");
  loader->add_option("--serve", flags->serve, "read this file, one epoch for each line `round` on stdin");
  loader->add_option("--dataset", flags->dataset, "what --serve reads: features, windows or bars");
  loader->footer("Example: athanor bench loader --json --samples 1000");
  loader->callback([flags] { run_loader_bench(*flags); });
}

}  // namespace athanor
