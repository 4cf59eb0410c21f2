// athanor prepare bars: price bars in, an HDF5 file of samples out.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <filesystem>
#include <iostream>
#include <memory>

#include "data/bars/bar_time.h"
#include "data/bars/prepare.h"
#include "data/bars/prepared_file.h"
#include "src/core/config.h"
#include "src/core/text.h"
#include "tools/verbs.h"
#include "trainers/job.h"

namespace athanor {
namespace {

struct PrepareFlags {
  std::string input, output, config, layout;
  int64_t gzip_level = -1, chunk_rows = -1;
  std::vector<std::string> overrides;
};

// The section `prepare` of a job file, with flags and overrides on top.
PrepareConfig read_prepare_config(const PrepareFlags& flags) {
  std::vector<std::string> overrides = flags.overrides;
  if (!flags.layout.empty()) overrides.push_back("prepare.layout=" + flags.layout);
  if (flags.gzip_level >= 0) overrides.push_back(text("prepare.gzip_level=", flags.gzip_level));
  if (flags.chunk_rows >= 0) overrides.push_back(text("prepare.chunk_rows=", flags.chunk_rows));
  JobConfig job;
  read_config(flags.config, overrides, fields_of(job));
  job.prepare.check();
  return job.prepare;
}

std::string percent(double part) { return decimals(100 * part, 1) + " %"; }

void print_splits(const PreparedBars& data) {
  for (size_t k = 0; k < data.splits.size(); ++k) {
    const SplitRange& range = data.splits[k];
    std::cout << "  " << kSplitNames[k]
              << (k == 0   ? " "
                  : k == 1 ? "   "
                           : "  ")
              << range.size() << " samples";
    if (range.size() > 0) {
      std::array<double, 3> shares{};
      for (int64_t i = range.begin; i < range.end; ++i) {
        shares[data.labels.direction[i]] += 1.0 / static_cast<double>(range.size());
      }
      std::cout << ", " << time_text(data.time[range.begin]) << " to " << time_text(data.time[range.end - 1])
                << "; down " << percent(shares[kDown]) << ", neutral " << percent(shares[kNeutral]) << ", up "
                << percent(shares[kUp]);
    }
    std::cout << "\n";
  }
}

// What was written, and what the other way of storing the same samples would take.
void print_size(const PreparedBars& data, const PrepareConfig& config, const std::string& path) {
  const int64_t bars = bars_layout_bytes(data), windows = windows_layout_bytes(data);
  std::cout << "wrote " << path << ", layout " << config.layout << ", "
            << bytes_text(static_cast<int64_t>(std::filesystem::file_size(path))) << "\n";
  if (config.layout == "features") return;
  const bool stored = config.layout == "windows";
  std::cout << (stored ? "as bars with windows cut on the fly (--layout bars) the inputs take "
                       : "with stored windows (--layout windows) the inputs would take ")
            << bytes_text(stored ? bars : windows) << ": " << decimals(static_cast<double>(windows) / bars, 0)
            << (stored ? " times less\n" : " times more\n");
}

void run_prepare_bars(const PrepareFlags& flags) {
  const PrepareConfig config = read_prepare_config(flags);
  const Bars bars = load_bars(flags.input);
  const PreparedBars data = prepare_bars(bars, config);
  write_prepared(data, bars, config, std::filesystem::path(flags.input).filename().string(), flags.output);
  const GapCount gaps = count_gaps(bars, data.base_seconds, config.max_gap_minutes);
  std::cout << "read " << bars.size() << " bars of " << data.base_seconds << " s, "
            << time_text(bars.time.front()) << " to " << time_text(bars.time.back()) << ", pip "
            << data.rule.pip << "\n"
            << "gaps: " << gaps.long_gaps << " longer than " << config.max_gap_minutes << " minutes, "
            << gaps.short_gaps << " shorter (" << gaps.missing_bars << " bars missing), the longest "
            << gaps.longest_minutes << " minutes\n"
            << data.samples() << " samples, one every " << config.stride_bars << " bars, labels "
            << config.horizon_bars << " bars ahead:\n";
  print_splits(data);
  for (const auto& timeframe : data.timeframes) {
    std::cout << "  " << timeframe.name << ": " << timeframe.features.rows << " bars of "
              << timeframe.features.columns << " features, window " << timeframe.window << "\n";
  }
  print_size(data, config, flags.output);
}

std::string feature_help() {
  std::string help = "Features (prepare.features), each from a bar and those before it:\n";
  for (const auto& info : feature_table()) {
    help += text("  ", info.name, std::string(16 - std::min<size_t>(15, info.name.size()), ' '), info.formula,
                 "\n");
  }
  return help;
}

}  // namespace

void add_prepare_verb(CLI::App& app) {
  CLI::App* prepare = app.add_subcommand("prepare", "Make an HDF5 file of samples from raw data");
  prepare->require_subcommand(1);
  prepare->footer("Example: athanor prepare bars --input M1.csv --output bars.h5");
  CLI::App* bars =
      prepare->add_subcommand("bars", "Samples of price bars: features, labels, splits, scalers");
  auto flags = std::make_shared<PrepareFlags>();
  bars->add_option("--input", flags->input,
                   "CSV (terminal export, plain with header, MT5) or HDF5 (M1/data [N,8])")
      ->required();
  bars->add_option("--output", flags->output, "the HDF5 file to write")->required();
  bars->add_option("--config", flags->config, "a job file; its section `prepare` is read");
  bars->add_option("--layout", flags->layout, "bars (default), windows or features");
  bars->add_option("--gzip", flags->gzip_level, "compress stored windows, 0 to 9")->check(CLI::Range(0, 9));
  bars->add_option("--chunk-rows", flags->chunk_rows, "samples a chunk of stored windows")
      ->check(CLI::NonNegativeNumber);
  bars->add_option("overrides", flags->overrides, "prepare.key=value …");
  bars->footer(
      "Example: athanor prepare bars --input M1.csv --output bars.h5 prepare.stride_bars=10 "
      "'prepare.windows={M5: 96, H1: 24}'\n\n" +
      feature_help());
  bars->callback([flags] { run_prepare_bars(*flags); });
}

}  // namespace athanor
