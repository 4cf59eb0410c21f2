// Charts: what is drawn of values that are hard to draw.
#include "src/rqa/charts.h"

#include <catch2/catch.hpp>
#include <cmath>

#include "tests/rqa/count_of.h"

using namespace athanor::rqa;
using Catch::Matchers::Contains;

namespace {

TrendPlot trend_of(const std::vector<Estimate>& points) {
  TrendPlot plot{{"a title", "about it", "task", ""}, {}, {"control"}, points};
  for (size_t k = 0; k < points.size(); ++k) plot.names.push_back(std::to_string(k));
  return plot;
}

}  // namespace

CATCH_TEST_CASE("rqa charts: values that differ by rounding alone are drawn as equal ones", "[unit]") {
  const double above = std::nextafter(0.7, 1);
  const std::string svg = draw_trend(trend_of({{0.7, 0.7, 0.7}, {above, above, above}}));
  CATCH_CHECK(count_of(svg, "<circle") == 3);  // and that of the legend
  CATCH_CHECK(count_of(svg, "class=\"grid\"") > 1);
  CATCH_CHECK(count_of(svg, "class=\"grid\"") < 12);
}

CATCH_TEST_CASE("rqa charts: an estimate without an interval has a mark, and one without a value has none",
                "[unit]") {
  const std::string svg = draw_trend(trend_of({{1, NAN, NAN}, {2, 1.5, 2.5}, {NAN, NAN, NAN}}));
  CATCH_CHECK(count_of(svg, "<circle") == 3);
  CATCH_CHECK(count_of(svg, "<line class=\"line s0\"") == 1);
  CATCH_CHECK(svg.find("nan") == std::string::npos);
}

CATCH_TEST_CASE("rqa charts: a trend without any value is an empty chart", "[unit]") {
  const std::string svg = draw_trend(trend_of({{NAN, NAN, NAN}}));
  CATCH_CHECK(count_of(svg, "<circle") == 1);
  CATCH_CHECK(svg.find("nan") == std::string::npos);
  CATCH_CHECK(svg.find("inf") == std::string::npos);
}

CATCH_TEST_CASE("rqa charts: names are escaped wherever they stand", "[unit]") {
  TrendPlot trend = trend_of({{1, 0, 2}});
  trend.text = {"<t>", "<d>", "<x>", ""};
  trend.names = {"<n>"}, trend.series = {"<s>"};
  const ForestPlot forest{{"<t>", "<d>", "<x>", ""}, {"<r>"}, {"<s>"}, {{1, 0, 2}}};
  const HeatMap map{{"<t>", "<d>", "<x>", "<y>"}, {"<a>"}, {"<b>"}, {0.5}, 1, "<u>"};
  const PicturePlot picture{{"<t>", "<d>", "<x>", "<y>"}, "", 10};
  for (const std::string& svg : {draw_trend(trend), draw_forest(forest), draw_heat_map(map),
                                 draw_picture(picture), svg_file(draw_trend(trend), "<caption>")}) {
    CATCH_CHECK_THAT(svg, Contains("&lt;t&gt;") && Contains("&lt;d&gt;"));
    for (const char* tag :
         {"<t>", "<d>", "<x>", "<y>", "<n>", "<s>", "<r>", "<a>", "<b>", "<u>", "<caption>"}) {
      CATCH_INFO(tag);
      CATCH_CHECK(svg.find(tag) == std::string::npos);
    }
  }
}
