#include "tools/rqa_sweep_config.h"

#include <algorithm>
#include <charconv>
#include <thread>

#include "src/core/error.h"
#include "src/core/text.h"
#include "src/rqa/grid_text.h"
#include "src/rqa/recording.h"

namespace athanor {
namespace {

std::vector<std::string> names_of(const std::string& list, const std::vector<std::string>& known,
                                  const std::string& where) {
  if (list == "all") return known;
  std::vector<std::string> names;
  for (const std::string& part : split(list, ',')) {
    const std::string name(trim(part));
    if (std::find(known.begin(), known.end(), name) == known.end())
      throw usage_error({where, text("unknown '", name, "'"), "", "", suggestion(name, known)});
    if (std::find(names.begin(), names.end(), name) != names.end())
      throw usage_error({where, text("'", name, "' is given twice"), "", "", ""});
    names.push_back(name);
  }
  return names;
}

// Values of one recording are held in memory, by each thread.
void check_size(const rqa::SweepOptions& options, const std::string& file) {
  constexpr double kMost = 1e8;
  double values = static_cast<double>(options.metrics.size());
  for (const size_t extent :
       {options.grid.m.size(), options.grid.tau.size(), options.grid.eps.size(), options.grid.lmin.size()})
    values *= static_cast<double>(extent);
  if (values > kMost)
    throw usage_error({file + "m, tau, eps, lmin and metrics", "too large a grid",
                       text(kMost, " values of a recording at most"), text(values),
                       "sweep parts of it into folders of their own"});
}

}  // namespace

void RqaSweepConfig::list_fields(Fields& fields) {
  fields.field("m", m, "embedding dimensions: numbers and ranges first:last[:step], by commas", kNotEmpty);
  fields.field("tau", tau, "delays in samples, likewise", kNotEmpty);
  fields.field("eps", eps, "thresholds: numbers and ranges first:last:step, by commas", kNotEmpty);
  fields.field("lmin", lmin, "shortest lines that count, as m", kNotEmpty);
  fields.field("metrics", metrics,
               "of " + join({rqa::kMetricNames.begin(), rqa::kMetricNames.end()}, ", ") + "; or all",
               kNotEmpty);
  fields.field("analyses", analyses, "of " + join(rqa::analysis_names(), ", ") + "; or all", kNotEmpty);
  fields.field("preset", definitions.preset, "whose definitions", one_of(rqa::preset_names()));
  fields.field("theiler", definitions.theiler, "Theiler window, diagonals; -1: the preset's",
               {.minimum = -1});
  fields.field("norm", definitions.norm, "L1, L2 or Linf, for 1D and 2D; empty: the preset's",
               one_of({"", "L1", "L2", "Linf"}));
  fields.field("strict", definitions.strict, "recurrent below eps alone, not at it");
  fields.field("std", definitions.deviations, "eps is in standard deviations of each series");
  fields.field("saccade_per_s", gaze_rules.saccade_per_s,
               "velocity from which the gaze is in a saccade, units of x and y a second", kPositive);
  fields.field("fixation_min_ms", gaze_rules.fixation_min_ms, "the shortest rest that is a fixation, ms",
               kNonNegative);
  fields.field("device", device, "auto, cpu or cuda", one_of({"auto", "cpu", "cuda"}));
  fields.field("threads", threads, "recordings at a time; 0: as many as the CPU has", between(0, 256));
}

rqa::SweepOptions RqaSweepConfig::options(const std::string& file) const {
  rqa::SweepOptions options;
  options.grid = {rqa::integers_of(m, file + "m"), rqa::integers_of(tau, file + "tau"),
                  rqa::decimals_of(eps, file + "eps"), rqa::integers_of(lmin, file + "lmin")};
  options.definitions = definitions.definitions();
  for (const std::string& name :
       names_of(metrics, {rqa::kMetricNames.begin(), rqa::kMetricNames.end()}, file + "metrics"))
    options.metrics.push_back(rqa::metric_named(name));
  options.analyses = names_of(analyses, rqa::analysis_names(), file + "analyses");
  check_size(options, file);
  options.gaze_rules = gaze_rules;
  options.threads = threads > 0 ? static_cast<int>(threads)
                                : static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  return options;
}

std::pair<int64_t, int64_t> rqa_shard(const std::string& written) {
  const std::vector<std::string> parts = split(written, '/');
  int64_t numbers[2] = {-1, -1};
  for (size_t i = 0; i < 2 && parts.size() == 2; ++i) {
    const char* end = parts[i].data() + parts[i].size();
    if (std::from_chars(parts[i].data(), end, numbers[i]).ptr != end) numbers[i] = -1;
  }
  if (numbers[0] < 0 || numbers[0] >= numbers[1])
    throw usage_error({"--shard", "not a shard", "i/n with i from 0 to n-1", "'" + written + "'", ""});
  return {numbers[0], numbers[1]};
}

}  // namespace athanor
