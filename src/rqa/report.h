// A sweep's findings as one HTML page that needs nothing else: no network, no scripts, no fonts.
#pragma once

#include <string>
#include <vector>

#include "src/rqa/statistics_sweep.h"

namespace athanor::rqa {

struct ReportOptions {
  StatisticsOptions statistics;
  std::string study;  // the folder or manifest of the recordings, for recurrence plots; empty: none
};

struct Figure {
  std::string name;  // of a file: "2d_forest"
  std::string svg;
  std::string caption = {};  // parameters and definitions, for a file of its own
  std::string png = {};      // bytes of a picture with axes and caption; empty: none
};
struct FigureRow {
  std::string title;
  std::string caption;  // parameters and definitions
  std::vector<Figure> figures;
};

struct Report {
  std::string html;
  std::vector<Figure> figures;
  SweepStatistics statistics;
};

// Throws Error: see test_sweep. Recordings that are no longer there are told of in the page.
Report make_report(const SweepResults& results, const ReportOptions& options);

// The rows of figures of one analysis at its reference combination, that of its largest H
// (report_figures.cpp). "m 2, tau 1, eps 0.06, l_min 2"
std::string combination_text(const SweepHead& head, const ColumnPlace& place);
FigureRow draw_forest_row(const SweepResults& results, const SweepStatistics& statistics,
                          const ColumnPlace& place);
FigureRow draw_trend_row(const SweepResults& results, const SweepStatistics& statistics,
                         const ColumnPlace& place);
// A recording of each group: of the subject whose recurrence rate is the group's median.
FigureRow draw_recurrence_row(const SweepResults& results, const SweepStatistics& statistics,
                              const ColumnPlace& place, const std::string& study);
// Effect sizes of one metric around its own largest H: m x tau and eps x l_min, for each pair of groups.
FigureRow draw_effect_row(const SweepResults& results, const SweepStatistics& statistics,
                          int64_t best_column);

}  // namespace athanor::rqa
