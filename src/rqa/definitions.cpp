#include "src/rqa/definitions.h"

#include <algorithm>

#include "src/core/error.h"
#include "src/core/text.h"

namespace athanor::rqa {
namespace {

// What each program does, as its source says and its answers on small series confirm
// (scripts/parity_tests/rqa.py). AccRQA knows no L1: its 1D is Euclidean.
std::vector<Definitions> presets() {
  Definitions standard;
  Definitions seed_cpu{.preset = "seed-cpu", .theiler = 0, .rate = RateCells::kAll, .log_base = 2};
  Definitions seed_gpu{.preset = "seed-gpu", .strict = true, .theiler = 0, .rate = RateCells::kAll};
  Definitions pyrqa{
      .preset = "pyrqa", .strict = true, .squared = true, .theiler = 1, .rate = RateCells::kAll};
  Definitions accrqa{.preset = "accrqa",
                     .norm_1d = Norm::kL2,
                     .theiler = 0,
                     .rate = RateCells::kAll,
                     .longest_has_main = false};
  Definitions pyunicorn{.preset = "pyunicorn", .strict = true, .theiler = 1, .rate = RateCells::kAll};
  return {standard, seed_cpu, seed_gpu, pyrqa, accrqa, pyunicorn};
}

std::string norm_text(Norm norm) {
  return norm == Norm::kL1   ? "L1 (sum of absolute differences)"
         : norm == Norm::kL2 ? "L2 (Euclidean)"
                             : "L-infinity (maximum)";
}

}  // namespace

std::vector<std::string> preset_names() {
  std::vector<std::string> names;
  for (const Definitions& each : presets()) names.push_back(each.preset);
  return names;
}

Definitions preset(const std::string& name) {
  for (const Definitions& each : presets())
    if (each.preset == name) return each;
  throw usage_error({.where = "--preset",
                     .what = text("unknown preset '", name, "'"),
                     .hint = suggestion(name, preset_names())});
}

Metric metric_named(const std::string& name) {
  const auto* found = std::find(kMetricNames.begin(), kMetricNames.end(), name);
  if (found != kMetricNames.end()) return static_cast<Metric>(found - kMetricNames.begin());
  const std::vector<std::string> known(kMetricNames.begin(), kMetricNames.end());
  throw usage_error({.what = text("unknown metric '", name, "'"), .hint = suggestion(name, known)});
}

std::vector<std::pair<std::string, std::string>> describe(const Definitions& definitions) {
  const char* cells = definitions.rate == RateCells::kAll ? "all M*M cells"
                      : definitions.rate == RateCells::kOffMainDiagonal
                          ? "the M*(M-1) cells off the main diagonal"
                          : "the cells outside the Theiler window";
  return {{"preset", definitions.preset},
          {"comparison", text(definitions.strict ? "distance < eps" : "distance <= eps",
                              definitions.squared ? " (L2: of squares)" : "")},
          {"norm_1d", norm_text(definitions.norm_1d)},
          {"norm_2d", norm_text(definitions.norm_2d)},
          {"eps_unit", definitions.deviations ? "standard deviations of the series" : "units of the series"},
          {"theiler_window", text(definitions.theiler)},
          {"RR", text("recurrent cells over ", cells)},
          {"DET", "cells in diagonal lines of l_min or longer over cells in diagonal lines of any length"},
          {"L_max", definitions.theiler == 0 && !definitions.longest_has_main
                        ? "longest diagonal line but the main diagonal"
                        : "longest diagonal line"},
          {"ENT", text("Shannon entropy of the lengths of diagonal lines of l_min or longer, ",
                       definitions.log_base > 0 ? text("base ", definitions.log_base)
                                                : std::string("natural logarithm"))},
          {"vertical_lines",
           definitions.vertical_has_main ? "run through the Theiler window" : "end at the Theiler window"}};
}

std::string definitions_line(const Definitions& definitions, const std::string& analysis) {
  const std::string norm = analysis == "2d" ? "norm_2d" : "norm_1d";
  std::vector<std::string> parts;
  for (const auto& [name, value] : describe(definitions)) {
    if (name == "comparison" || name == norm) parts.push_back(value);
    if (name == "eps_unit") parts.push_back("eps in " + value);
    if (name == "theiler_window") parts.push_back("Theiler window " + value);
    if (name == "RR") parts.push_back("RR: " + value);
  }
  return join(parts, "; ");
}

}  // namespace athanor::rqa
