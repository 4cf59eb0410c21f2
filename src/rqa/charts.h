// Small charts as SVG text, each complete in itself: title and description for readers that do not see it,
// colours from style rules that follow the reader's light or dark mode and that colour-blind people can tell
// apart (the groups' after M. Okabe and K. Ito; the maps' from blue over grey to orange). Left out: scripts,
// fonts.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace athanor::rqa {

// Rules for all charts, to stand once in a page (and in a file of one chart: see svg_file).
std::string chart_style();
// A chart as a file of its own, with `caption`, if there is one, in small lines below it.
std::string svg_file(const std::string& chart, const std::string& caption = "");
// &, <, > and quotes for HTML and SVG.
std::string escaped(const std::string& plain);
// Three digits: "0.0123", "1.2e-07"; a dash for NaN.
std::string number_text(double value);

struct ChartText {
  std::string title, description;  // what a reader who does not see it hears; the title stands above it too
  std::string x_label, y_label;
};

// Values [rows, columns], row 0 at the bottom, in colours from -most to most; NaN is hatched.
struct HeatMap {
  ChartText text;
  std::vector<std::string> x_names, y_names;
  std::vector<double> values;
  double most = 1;
  std::string unit;  // "Hedges g, mci - control"
};
std::string draw_heat_map(const HeatMap& map);

// Estimates with intervals, one line of marks for each of `series` in every row.
struct Estimate {
  double value, low, high;  // low and high NaN: there is no interval
};
struct ForestPlot {
  ChartText text;
  std::vector<std::string> rows, series;
  std::vector<Estimate> estimates;  // [rows, series]; NaN is not drawn
};
std::string draw_forest(const ForestPlot& plot);

// Means with standard errors along categories, one line for each of `series`.
struct TrendPlot {
  ChartText text;
  std::vector<std::string> names, series;
  std::vector<Estimate> points;  // [series, names]
};
std::string draw_trend(const TrendPlot& plot);

// A square picture (its PNG bytes) with axes from 0 to `extent`.
struct PicturePlot {
  ChartText text;
  std::string png;
  double extent = 0;
};
std::string draw_picture(const PicturePlot& plot);

std::string base64(const std::string& bytes);

}  // namespace athanor::rqa
