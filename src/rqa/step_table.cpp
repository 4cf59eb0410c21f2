#include "src/rqa/step_table.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <set>

#include "src/core/error.h"
#include "src/core/text.h"
#include "src/rqa/csv_table.h"
#include "src/rqa/grid_text.h"

namespace athanor::rqa {
namespace {

const char* measure_suffix(const std::string& analysis) {
  return analysis == "2d" ? "-2D-xy" : analysis == "1d_x" ? "-1D-x" : "-1D-y";
}

// The part of a signature behind its name: "tau1" -> "1".
std::string part_of(const std::string& signature, const std::string& name) {
  for (const std::string& part : split(signature, '_'))
    if (part.starts_with(name)) return part.substr(name.size());
  return "";
}

template <class T, class Written>
size_t index_in(const std::vector<T>& values, const std::string& part, const std::string& signature,
                Written written) {
  for (size_t i = 0; i < values.size(); ++i)
    if (written(values[i]) == part) return i;
  throw usage_error({"--steps", text("'", signature, "' is not in the sweep"),
                     "all, or m2_tau1_eps0.06_lmin2,… of its grid", "", ""});
}

void add_row(const SweepHead& head, const StepTable& table, size_t i, size_t measures, std::string& csv) {
  const RecordingInfo& info = head.recordings[i];
  const std::filesystem::path file(info.file);
  const std::string folder = file.parent_path();
  csv += text(csv_field(file.filename()), ",", folder.empty() ? "." : csv_field(folder), ",",
              csv_field(info.task));
  for (size_t j = 0; j < measures; ++j) add_number(csv, table.at(i, j));
}

std::string head_line(const StepTable& table) {
  std::string line = "filename,folder,q";
  for (size_t j = 0; j < table.rqa_measures; ++j) line += text(",", table.measures[j]);
  return line;
}

}  // namespace

std::vector<Combination> combinations_of(const std::string& written, const Grid& grid) {
  std::vector<Combination> chosen;
  if (written == "all") {
    for (size_t m = 0; m < grid.m.size(); ++m)
      for (size_t tau = 0; tau < grid.tau.size(); ++tau)
        for (size_t eps = 0; eps < grid.eps.size(); ++eps)
          for (size_t lmin = 0; lmin < grid.lmin.size(); ++lmin) chosen.push_back({m, tau, eps, lmin});
    return chosen;
  }
  const auto whole = [](int64_t value) { return std::to_string(value); };
  for (const std::string& one : split(written, ',')) {
    const std::string signature(trim(one));
    const Combination combination{index_in(grid.m, part_of(signature, "m"), signature, whole),
                                  index_in(grid.tau, part_of(signature, "tau"), signature, whole),
                                  index_in(grid.eps, part_of(signature, "eps"), signature, shortest),
                                  index_in(grid.lmin, part_of(signature, "lmin"), signature, whole)};
    if (signature_of(combination, grid) != signature)
      throw usage_error(
          {"--steps", text("'", signature, "' is no signature"), "m2_tau1_eps0.06_lmin2", "", ""});
    chosen.push_back(combination);
  }
  const auto order = [](const Combination& a, const Combination& b) {
    return std::tie(a.m, a.tau, a.eps, a.lmin) < std::tie(b.m, b.tau, b.eps, b.lmin);
  };
  std::sort(chosen.begin(), chosen.end(), order);
  const auto same = [&](const Combination& a, const Combination& b) { return !order(a, b); };
  chosen.erase(std::unique(chosen.begin(), chosen.end(), same), chosen.end());
  return chosen;
}

std::string signature_of(const Combination& combination, const Grid& grid) {
  return signature_of(grid.m[combination.m], grid.tau[combination.tau], grid.eps[combination.eps],
                      grid.lmin[combination.lmin]);
}

StepTable make_step_table(const SweepHead& head, const std::vector<std::vector<double>>& planes,
                          const Combination& combination) {
  StepTable table;
  struct Source {
    size_t analysis, metric;
  };
  std::vector<Source> sources;
  for (size_t metric = 0; metric < head.metrics.size(); ++metric)
    for (const std::string analysis : {"2d", "1d_x", "1d_y"}) {
      const auto found = std::find(head.analyses.begin(), head.analyses.end(), analysis);
      if (found == head.analyses.end()) continue;
      sources.push_back({static_cast<size_t>(found - head.analyses.begin()), metric});
      table.measures.push_back(text(metric_name(head.metrics[metric]), measure_suffix(analysis)));
    }
  table.rqa_measures = sources.size();
  table.measures.insert(table.measures.end(), kGazeFeatures.begin(), kGazeFeatures.end());
  const Grid& grid = head.grid;
  for (size_t i = 0; i < head.recordings.size(); ++i) {
    const size_t cell = (i * grid.eps.size() + combination.eps) * grid.lmin.size() + combination.lmin;
    for (const Source& source : sources)
      table.values.push_back(planes[source.analysis][cell * head.metrics.size() + source.metric]);
    table.values.insert(table.values.end(), head.recordings[i].gaze.begin(), head.recordings[i].gaze.end());
  }
  return table;
}

void add_number(std::string& csv, double value) {
  csv += ',';
  if (!std::isnan(value)) csv += shortest(value);
}

std::string summary_csv(const SweepHead& head, const StepTable& table, const std::string& group) {
  std::string csv = head_line(table) + "\n";
  for (size_t i = 0; i < head.recordings.size(); ++i) {
    if (head.recordings[i].group != group) continue;
    add_row(head, table, i, table.rqa_measures, csv);
    csv += "\n";
  }
  return csv;
}

std::string merged_csv(const SweepHead& head, const StepTable& table, bool enriched) {
  std::string csv = head_line(table) + ",ID,Group";
  for (size_t j = table.rqa_measures; enriched && j < table.measures.size(); ++j)
    csv += text(",", table.measures[j]);
  csv += "\n";
  for (size_t i = 0; i < head.recordings.size(); ++i) {
    add_row(head, table, i, table.rqa_measures, csv);
    csv += text(",", csv_field(head.recordings[i].subject), ",", csv_field(head.recordings[i].group));
    for (size_t j = table.rqa_measures; enriched && j < table.measures.size(); ++j)
      add_number(csv, table.at(i, j));
    csv += "\n";
  }
  return csv;
}

}  // namespace athanor::rqa
