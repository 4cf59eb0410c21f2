// athanor rqa one: the metrics of one recording, or of two against each other, at one combination.
#include <CLI/CLI.hpp>
#include <cmath>
#include <cstdio>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "src/core/error.h"
#include "src/core/files.h"
#include "src/core/text.h"
#include "src/rqa/recording.h"
#include "src/rqa/walk.h"
#include "tools/rqa_flags.h"
#include "tools/rqa_verbs.h"

namespace athanor {
namespace {

using Json = nlohmann::ordered_json;

struct OneFlags {
  std::string file, other, histograms;
  int64_t m = 2, tau = 1, lmin = 2;
  double eps = 0;
  bool json = false;
  RqaDefinitionFlags definitions;

  rqa::Grid grid() const { return {{m}, {tau}, {eps}, {lmin}}; }
};

std::vector<rqa::Metric> all_metrics() {
  std::vector<rqa::Metric> metrics;
  for (size_t k = 0; k < rqa::kMetricNames.size(); ++k) metrics.push_back(static_cast<rqa::Metric>(k));
  return metrics;
}

// With the 17 digits that name a double; what has no value is null.
std::string number(double value) {
  if (!std::isfinite(value)) return "null";
  char digits[32];
  std::snprintf(digits, sizeof digits, "%.17g", value);
  return digits;
}

struct Analysis {
  std::string name;
  rqa::Series series, other;
  std::vector<double> values;  // of all metrics
};

std::vector<Analysis> analyse_all(const OneFlags& flags, const rqa::Definitions& definitions) {
  const std::vector<std::string>& names = rqa::analysis_names();
  const rqa::Recording recording = rqa::load_recording(flags.file);
  rqa::check_usable(recording, flags.file, flags.grid(), names);
  const bool cross = !flags.other.empty();
  const rqa::Recording other = cross ? rqa::load_recording(flags.other) : rqa::Recording();
  if (cross) rqa::check_usable(other, flags.other, flags.grid(), names);
  const std::vector<rqa::Metric> metrics = all_metrics();
  std::vector<Analysis> all;
  for (const std::string& name : names) {
    Analysis& each = all.emplace_back(Analysis{name, rqa::series_of(recording, name), {}, {}});
    each.values.resize(metrics.size());
    if (cross) each.other = rqa::series_of(other, name);
    if (cross)
      rqa::analyse_cross(each.series, each.other, flags.grid(), definitions, metrics, each.values.data());
    else
      rqa::analyse(each.series, flags.grid(), definitions, metrics, each.values.data());
  }
  return all;
}

Json lengths_json(const rqa::LineLengths& lines) {
  Json out = Json::array();
  for (size_t row = 0; row < lines.lengths.size(); ++row)
    out.push_back({lines.lengths[row], lines.counts[row]});
  return out;
}

// What every metric can be computed from again.
void save_histograms(const OneFlags& flags, const std::vector<Analysis>& all,
                     const rqa::Definitions& definitions) {
  Json out;
  for (const Analysis& each : all) {
    const rqa::Series* other = flags.other.empty() ? nullptr : &each.other;
    const std::vector<double> bounds = rqa::sum_bounds(each.series, {flags.eps}, definitions, other);
    rqa::count_lines(each.series, {flags.m}, {flags.tau}, bounds, definitions,
                     {.wanted = {.vertical = true}, .other = other},
                     [&](size_t, size_t, const rqa::LineCounts& counts) {
                       Json& to = out[each.name];
                       to["vectors"] = counts.vectors;
                       if (other) to["other_vectors"] = counts.other_vectors;
                       to["recurrent_cells"] = counts.cells[0];
                       to["recurrent_cells_in_theiler_window"] = counts.cells_in_window[0];
                       to["diagonal_lines"] = lengths_json(counts.diagonal);
                       to["vertical_lines"] = lengths_json(counts.vertical);
                     });
  }
  out["note"] = flags.other.empty() ? "cells and diagonal lines above the main diagonal; [length, count]"
                                    : "all cells and diagonal lines; [length, count]";
  write_file_atomically(flags.histograms, out.dump(1) + "\n");
}

void print_json(const std::vector<Analysis>& all, const rqa::Definitions& definitions) {
  std::string out = "{";
  for (const Analysis& each : all) {
    out += text("\"", each.name, "\": {");
    for (size_t k = 0; k < each.values.size(); ++k)
      out += text(k ? ", " : "", "\"", rqa::kMetricNames[k], "\": ", number(each.values[k]));
    out += "}, ";
  }
  Json described;
  for (const auto& [what, said] : rqa::describe(definitions)) described[what] = said;
  std::cout << out << "\"definitions\": " << described.dump() << "}\n";
}

void print_table(const OneFlags& flags, const std::vector<Analysis>& all,
                 const rqa::Definitions& definitions) {
  std::printf("%s%s%s  N %lld  m %lld  tau %lld  eps %s  l_min %lld\n\n%-6s", flags.file.c_str(),
              flags.other.empty() ? "" : " against ", flags.other.c_str(),
              static_cast<long long>(all[0].series.length()), static_cast<long long>(flags.m),
              static_cast<long long>(flags.tau), shortest(flags.eps).c_str(),
              static_cast<long long>(flags.lmin), "");
  for (const Analysis& each : all) std::printf("%14s", each.name.c_str());
  std::printf("\n");
  for (size_t k = 0; k < rqa::kMetricNames.size(); ++k) {
    std::printf("%-6s", std::string(rqa::kMetricNames[k]).c_str());
    for (const Analysis& each : all)
      std::isfinite(each.values[k]) ? std::printf("%14.6g", each.values[k]) : std::printf("%14s", "none");
    std::printf("\n");
  }
  std::printf("\n");
  for (const auto& [what, said] : rqa::describe(definitions))
    std::printf("%-15s %s\n", what.c_str(), said.c_str());
}

void run_one(const OneFlags& flags) {
  check_rqa_combination(flags.m, flags.tau, flags.eps, flags.lmin);
  const rqa::Definitions definitions = flags.definitions.definitions();
  const std::vector<Analysis> all = analyse_all(flags, definitions);
  if (!flags.histograms.empty()) save_histograms(flags, all, definitions);
  if (flags.json)
    print_json(all, definitions);
  else
    print_table(flags, all, definitions);
}

}  // namespace

void add_rqa_one(CLI::App& rqa) {
  CLI::App* verb =
      rqa.add_subcommand("one", "All metrics of one recording, of x, y and both, at one combination");
  const auto flags = std::make_shared<OneFlags>();
  verb->add_option("file", flags->file, "CSV with columns x and y")->required();
  verb->add_option("--m", flags->m, "embedding dimension")->capture_default_str();
  verb->add_option("--tau", flags->tau, "delay, in samples")->capture_default_str();
  verb->add_option("--eps", flags->eps, "threshold, in the unit of x and y")->required();
  verb->add_option("--lmin", flags->lmin, "shortest line that counts")->capture_default_str();
  verb->add_option("--other", flags->other, "a second recording: cross-recurrence of the two");
  flags->definitions.add_to(*verb);
  verb->add_option("--histograms", flags->histograms, "writes the counts of line lengths to this JSON file");
  verb->add_flag("--json", flags->json, "prints one JSON object, numbers with 17 digits");
  verb->footer("Example:\n  athanor rqa one recording.csv --m 2 --tau 1 --eps 0.06 --lmin 2 --json");
  verb->callback([flags] { run_one(*flags); });
}

}  // namespace athanor
