#include "src/rqa/step_pictures.h"

#include <algorithm>
#include <limits>
#include <set>

#include "src/core/text.h"
#include "src/rqa/charts.h"

namespace athanor::rqa {
namespace {

// What every picture says of its numbers.
std::string definitions_text(const SweepHead& head) {
  std::string all;
  for (const auto& [name, meaning] : describe(head.definitions)) all += text("; ", name, ": ", meaning);
  return all;
}

std::string trend_svg(const SweepHead& head, const std::string& measure,
                      const std::vector<std::string>& groups, const std::vector<TaskMean>& means,
                      const std::string& signature) {
  constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
  std::set<std::string> tasks;
  for (const TaskMean& each : means) tasks.insert(each.task);
  TrendPlot plot{{text(measure, ", ", signature),
                  text("Means of recordings with standard errors, by group and task; ", signature,
                       definitions_text(head)),
                  "task", measure},
                 {tasks.begin(), tasks.end()},
                 groups,
                 {}};
  for (const std::string& group : plot.series)
    for (const std::string& task : plot.names) {
      const auto found = std::find_if(means.begin(), means.end(), [&](const TaskMean& each) {
        return each.group == group && each.task == task;
      });
      const SampleMean mean = found == means.end() ? SampleMean{0, kNone, kNone} : found->recordings;
      plot.points.push_back({mean.mean, mean.mean - mean.error(), mean.mean + mean.error()});
    }
  return svg_file(draw_trend(plot));
}

// The measures whose names end in `suffix`, without it.
std::string forest_svg(const SweepHead& head, const StepTable& table, const StepStatistics& statistics,
                       const std::string& suffix, const std::string& signature) {
  ForestPlot plot{{text("Hedges g, ", suffix.substr(1), ", ", signature),
                   text("Effect sizes of groups' differences with 95 % intervals, over subjects' means; ",
                        signature, definitions_text(head)),
                   "Hedges g", ""},
                  {},
                  statistics.pairs,
                  {}};
  for (size_t j = 0; j < table.rqa_measures; ++j) {
    if (!table.measures[j].ends_with(suffix)) continue;
    plot.rows.push_back(table.measures[j].substr(0, table.measures[j].size() - suffix.size()));
    for (const EffectSize& effect : statistics.measures[j].effects)
      plot.estimates.push_back({effect.g, effect.low, effect.high});
  }
  return svg_file(draw_forest(plot));
}

}  // namespace

std::vector<std::pair<std::string, std::string>> draw_steps(const SweepHead& head, const StepTable& table,
                                                            const StepStatistics& statistics,
                                                            const std::string& signature) {
  std::vector<std::pair<std::string, std::string>> files;
  std::set<std::string> suffixes;
  for (size_t j = 0; j < table.rqa_measures; ++j) {
    const std::string& measure = table.measures[j];
    suffixes.insert(measure.substr(measure.find('-')));
    files.emplace_back("tasks_" + measure + ".svg",
                       trend_svg(head, measure, statistics.groups, statistics.measures[j].tasks, signature));
  }
  if (!statistics.pairs.empty())
    for (const std::string& suffix : suffixes)
      files.emplace_back("effect_sizes" + suffix + ".svg",
                         forest_svg(head, table, statistics, suffix, signature));
  return files;
}

}  // namespace athanor::rqa
