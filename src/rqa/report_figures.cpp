// The charts of a report: recurrence plots, effect sizes over the grid, forest plots, tasks.
#include <algorithm>
#include <cmath>

#include "src/core/error.h"
#include "src/core/text.h"
#include "src/rqa/charts.h"
#include "src/rqa/recording.h"
#include "src/rqa/recurrence_plot.h"
#include "src/rqa/report.h"

namespace athanor::rqa {
namespace {

constexpr int64_t kPlotPixels = 250;

template <class T>
std::vector<std::string> names_of(const std::vector<T>& values) {
  std::vector<std::string> out;
  for (const T& value : values) out.push_back(text(value));
  return out;
}

std::string pair_name(const SweepStatistics& statistics, size_t pair) {
  return statistics.subjects.groups[statistics.pairs[pair].second] + " - " +
         statistics.subjects.groups[statistics.pairs[pair].first];
}

std::string metric_text(Metric metric) { return std::string(metric_name(metric)); }

// values of one combination at [combination, metric of the sweep, subject].
const double* block_at(const std::vector<double>& means, const SweepResults& results,
                       const SweepStatistics& statistics, const ColumnPlace& place, Metric metric) {
  const auto& held = results.head().metrics;
  const auto index = std::find(held.begin(), held.end(), metric) - held.begin();
  const auto columns = static_cast<int64_t>(held.size()), subjects = statistics.subjects.count();
  return means.data() + ((place.eps * statistics.lmin + place.lmin) * columns + index) * subjects;
}

// Mean and standard error of a group's subjects that have a value.
Estimate group_mean(const double* values, const SweepStatistics& statistics, int group) {
  std::vector<double> of_group;
  for (int64_t i = 0; i < statistics.subjects.count(); ++i)
    if (statistics.subjects.names[i].second == group) of_group.push_back(values[i]);
  const SampleMean mean = sample_mean(of_group);
  return {mean.mean, mean.mean - mean.error(), mean.mean + mean.error()};
}

// The recording of `group` whose recurrence rate is the median of the group's at `place`; -1 without rates.
int64_t median_recording(const SweepResults& results, const std::string& group, const ColumnPlace& place) {
  const SweepHead& head = results.head();
  const auto rate = std::find(head.metrics.begin(), head.metrics.end(), Metric::kRR) - head.metrics.begin();
  if (rate == static_cast<int64_t>(head.metrics.size())) return -1;
  const std::vector<double> plane = results.read_plane(head.analyses[place.analysis], place.m, place.tau);
  const auto columns =
      static_cast<int64_t>(head.grid.eps.size() * head.grid.lmin.size() * head.metrics.size());
  const int64_t at = (place.eps * static_cast<int64_t>(head.grid.lmin.size()) + place.lmin) *
                         static_cast<int64_t>(head.metrics.size()) +
                     rate;
  std::vector<std::pair<double, int64_t>> order;
  for (size_t r = 0; r < head.recordings.size(); ++r) {
    const double value = plane[static_cast<int64_t>(r) * columns + at];
    if (head.recordings[r].group == group && std::isfinite(value)) order.emplace_back(value, r);
  }
  std::sort(order.begin(), order.end());
  return order.empty() ? -1 : order[order.size() / 2].second;
}

Figure recurrence_figure(const SweepHead& head, const RecordingInfo& info, const ColumnPlace& place,
                         const std::string& path) {
  const std::string& analysis = head.analyses[place.analysis];
  const Recording recording = load_recording(path, info.file);
  if (recording.fingerprint != info.fingerprint)
    throw Error({.where = info.file, .what = "has changed since the sweep"});
  const Series series = series_of(recording, analysis);
  const RecurrencePlot plot = draw_recurrences(series, head.grid.m[place.m], head.grid.tau[place.tau],
                                               head.grid.eps[place.eps], head.definitions, kPlotPixels);
  PicturePlot picture;
  picture.text = {info.group + ": " + info.file,
                  text("Recurrence plot of ", info.file, ", ", plot.vectors, " delay vectors"), "sample",
                  "sample"};
  picture.png = png_bytes(plot.image);
  picture.extent = static_cast<double>(plot.vectors);
  const std::string about =
      text(info.group, ": ", info.file, ", ", analysis, ", ", combination_text(head, place));
  return {
      .name = text(analysis, "_recurrence_", info.group),
      .svg = draw_picture(picture),
      .png = png_bytes(framed(plot, {about, definitions_line(head.definitions, analysis)}, 1, "samples"))};
}

double largest_effect(const SweepStatistics& statistics, const std::vector<int64_t>& columns) {
  double most = 0.5;
  for (const int64_t column : columns)
    for (size_t pair = 0; pair < statistics.pairs.size(); ++pair) {
      const double g = statistics.effect(column, static_cast<int64_t>(pair)).g;
      if (std::isfinite(g)) most = std::max(most, std::abs(g));
    }
  return std::ceil(most * 10) / 10;
}

}  // namespace

std::string combination_text(const SweepHead& head, const ColumnPlace& place) {
  return text("m ", head.grid.m[place.m], ", tau ", head.grid.tau[place.tau], ", eps ",
              shortest(head.grid.eps[place.eps]), ", l_min ", head.grid.lmin[place.lmin]);
}

FigureRow draw_forest_row(const SweepResults& results, const SweepStatistics& statistics,
                          const ColumnPlace& place) {
  const SweepHead& head = results.head();
  ForestPlot plot;
  plot.text = {"Hedges g, 95 % intervals",
               text("Effect sizes of all metrics at ", combination_text(head, place)),
               "Hedges g of subjects' means", ""};
  for (size_t pair = 0; pair < statistics.pairs.size(); ++pair)
    plot.series.push_back(pair_name(statistics, pair));
  for (size_t metric = 0; metric < statistics.metrics.size(); ++metric) {
    plot.rows.push_back(metric_text(statistics.metrics[metric]));
    const int64_t column = statistics.at(place.analysis, place.m, place.tau, place.eps, place.lmin,
                                         static_cast<int64_t>(metric));
    for (size_t pair = 0; pair < statistics.pairs.size(); ++pair) {
      const EffectSize& effect = statistics.effect(column, static_cast<int64_t>(pair));
      plot.estimates.push_back({effect.g, effect.low, effect.high});
    }
  }
  return {"Effect sizes",
          text("Differences of subjects' means over tasks in pooled standard deviations, at ",
               combination_text(head, place),
               ". It was chosen because an effect is largest there: expect smaller ones in a new study. A "
               "metric without marks was not tested."),
          {{head.analyses[place.analysis] + "_forest", draw_forest(plot)}}};
}

FigureRow draw_trend_row(const SweepResults& results, const SweepStatistics& statistics,
                         const ColumnPlace& place) {
  const SweepHead& head = results.head();
  std::vector<std::vector<double>> means;
  for (const std::string& task : statistics.tasks)
    means.push_back(subject_means(results, statistics, place.analysis, place.m, place.tau, task));
  FigureRow row{
      "Tasks",
      text("Means of subjects in each task, with standard errors, at ", combination_text(head, place), "."),
      {}};
  for (const Metric metric : statistics.metrics) {
    TrendPlot plot;
    plot.text = {metric_text(metric), text(metric_text(metric), " of each group in each task"), "task", ""};
    plot.names = statistics.tasks, plot.series = statistics.subjects.groups;
    for (size_t group = 0; group < statistics.subjects.groups.size(); ++group)
      for (const std::vector<double>& each : means)
        plot.points.push_back(group_mean(block_at(each, results, statistics, place, metric), statistics,
                                         static_cast<int>(group)));
    row.figures.push_back(
        {text(head.analyses[place.analysis], "_tasks_", metric_text(metric)), draw_trend(plot)});
  }
  return row;
}

FigureRow draw_recurrence_row(const SweepResults& results, const SweepStatistics& statistics,
                              const ColumnPlace& place, const std::string& study) {
  const SweepHead& head = results.head();
  FigureRow row{"Recurrence plots",
                text("At the same m, tau and eps: ", combination_text(head, place),
                     ". Of each group the recording with the group's median recurrence rate."),
                {}};
  std::vector<StudyFile> files;
  try {
    if (!study.empty()) files = find_study(study).files;
  } catch (const Error& error) {
    row.caption += text(" The recordings cannot be read: ", error.what(), ".");
    return row;
  }
  if (study.empty()) row.caption += " Not drawn: the report was made without the recordings (--input).";
  for (const std::string& group : statistics.subjects.groups) {
    const int64_t recording = study.empty() ? -1 : median_recording(results, group, place);
    if (recording < 0) continue;
    const RecordingInfo& info = head.recordings[recording];
    const auto file = std::find_if(files.begin(), files.end(),
                                   [&](const StudyFile& each) { return each.info.file == info.file; });
    try {
      if (file == files.end()) throw Error({.where = info.file, .what = "not in " + study});
      row.figures.push_back(recurrence_figure(head, info, place, file->path));
    } catch (const Error& error) {
      row.caption += text(" Not drawn: ", error.what(), ".");
    }
  }
  return row;
}

FigureRow draw_effect_row(const SweepResults& results, const SweepStatistics& statistics,
                          int64_t best_column) {
  const SweepHead& head = results.head();
  const ColumnPlace best = place_of(statistics, best_column);
  const Metric metric = statistics.metrics[best.metric];
  std::vector<int64_t> delays, thresholds;
  for (int64_t m = 0; m < statistics.m; ++m)
    for (int64_t tau = 0; tau < statistics.tau; ++tau)
      delays.push_back(statistics.at(best.analysis, m, tau, best.eps, best.lmin, best.metric));
  for (int64_t lmin = 0; lmin < statistics.lmin; ++lmin)
    for (int64_t eps = 0; eps < statistics.eps; ++eps)
      thresholds.push_back(statistics.at(best.analysis, best.m, best.tau, eps, lmin, best.metric));
  FigureRow row{
      metric_text(metric),
      text("Hedges g of ", metric_text(metric), ". By tau and m: at eps ", shortest(head.grid.eps[best.eps]),
           ", l_min ", head.grid.lmin[best.lmin], ". By eps and l_min: at m ", head.grid.m[best.m], ", tau ",
           head.grid.tau[best.tau], ". Largest H there: ", number_text(statistics.kruskal[best_column].h),
           ", q ", number_text(statistics.q[best_column]), ", max-T p ",
           number_text(statistics.p_max_t[best_column]),
           ". Hatched: not tested, since the recurrence rate is degenerate or a value is missing."),
      {}};
  const double most = std::max(largest_effect(statistics, delays), largest_effect(statistics, thresholds));
  const auto add = [&](const std::vector<int64_t>& columns, const char* kind, ChartText about,
                       const std::vector<std::string>& x_names, const std::vector<std::string>& y_names) {
    for (size_t pair = 0; pair < statistics.pairs.size(); ++pair) {
      HeatMap map{about, x_names, y_names, {}, most, text("Hedges g, ", pair_name(statistics, pair))};
      map.text.title = text(metric_text(metric), ": ", pair_name(statistics, pair));
      map.text.description =
          text("Effect sizes of ", metric_text(metric), " by ", about.x_label, " and ", about.y_label);
      for (const int64_t column : columns)
        map.values.push_back(statistics.effect(column, static_cast<int64_t>(pair)).g);
      const auto& [a, b] = statistics.pairs[pair];
      row.figures.push_back({text(head.analyses[best.analysis], "_", kind, "_", metric_text(metric), "_",
                                  statistics.subjects.groups[b], "_", statistics.subjects.groups[a]),
                             draw_heat_map(map)});
    }
  };
  std::vector<std::string> eps_names;
  for (const double eps : head.grid.eps) eps_names.push_back(shortest(eps));
  add(delays, "m_tau", {"", "", "tau", "m"}, names_of(head.grid.tau), names_of(head.grid.m));
  add(thresholds, "eps_lmin", {"", "", "eps", "l_min"}, eps_names, names_of(head.grid.lmin));
  return row;
}

}  // namespace athanor::rqa
