#include "src/rqa/recurrence_plot.h"

#include <catch2/catch.hpp>
#include <cmath>

#include "src/core/error.h"
#include "src/core/random.h"
#include "src/rqa/line_counts.h"

using namespace athanor::rqa;
using athanor::Image;

namespace {

Series saw(int64_t length) {
  Series series{{{}}};
  for (int64_t i = 0; i < length; ++i) series.coordinates[0].push_back(static_cast<double>(i % 5));
  return series;
}

bool dark(const Image& image, int64_t y, int64_t x) { return image.at(y, x)[0] < 128; }

}  // namespace

CATCH_TEST_CASE("rqa plot: a pixel a cell is dark where the cell is recurrent, time upwards", "[unit]") {
  const RecurrencePlot plot = draw_recurrences(saw(23), 2, 1, 0.5, {}, 100);
  CATCH_REQUIRE(plot.vectors == 22);
  CATCH_REQUIRE(plot.image.height == 22);
  CATCH_REQUIRE(plot.image.width == 22);
  for (int64_t i = 0; i < 22; ++i)
    for (int64_t j = 0; j < 22; ++j) CATCH_CHECK(dark(plot.image, 21 - j, i) == ((i - j) % 5 == 0));
}

CATCH_TEST_CASE("rqa plot: a cell is dark exactly if its distance, summed plainly, is recurrent", "[unit]") {
  int64_t seen = 0;
  for (const Norm norm : {Norm::kL1, Norm::kL2, Norm::kLinf})
    for (const int64_t coordinates : {1, 2})
      for (const auto& [m, tau, strict] :
           {std::tuple(1, 1, false), std::tuple(3, 2, false), std::tuple(10, 1, true)}) {
        Series series{std::vector<std::vector<double>>(coordinates)};
        athanor::Rng rng(static_cast<uint64_t>(10 * m + coordinates));
        for (auto& values : series.coordinates)
          for (int i = 0; i < 61; ++i) values.push_back(std::floor(10 * rng.uniform()) / 10);  // many ties
        Definitions definitions;
        definitions.norm_1d = definitions.norm_2d = norm, definitions.strict = strict;
        const double eps = distance_sum(series, norm, m, tau, 3, 30);  // exactly that of a cell
        const double threshold = norm == Norm::kL2 ? std::sqrt(eps) : eps;
        const double bound = sum_bounds(series, {threshold}, definitions)[0];
        const RecurrencePlot plot = draw_recurrences(series, m, tau, threshold, definitions, 100);
        for (int64_t i = 0; i < plot.vectors; ++i)
          for (int64_t j = 0; j < plot.vectors; ++j) {
            const bool want = distance_sum(series, norm, m, tau, i, j) <= bound;
            CATCH_REQUIRE(dark(plot.image, plot.vectors - 1 - j, i) == want);
            seen += want && i != j;
          }
      }
  CATCH_CHECK(seen > 1000);
}

CATCH_TEST_CASE("rqa plot: what does not fit is shrunk to the share of recurrent cells", "[unit]") {
  const RecurrencePlot plot = draw_recurrences(saw(51), 1, 1, 0.5, {}, 13);  // 4 cells a pixel, 3 in the last
  CATCH_CHECK(plot.per_pixel == 4);
  CATCH_CHECK(plot.image.height == 13);
  CATCH_CHECK(plot.image.at(12, 0)[0] == std::lround(255 + (16 - 255) * 4.0 / 16));
  CATCH_CHECK(plot.image.at(0, 12)[0] == std::lround(255 + (16 - 255) * 3.0 / 9));
}

CATCH_TEST_CASE("rqa plot: a series too short for a plot is an error, a framed one is a PNG", "[unit]") {
  CATCH_CHECK_THROWS_AS(draw_recurrences(saw(5), 3, 2, 0.5, {}, 100), athanor::Error);
  const Image image =
      framed(draw_recurrences(saw(30), 1, 1, 0.5, {}, 100), {"a caption", "and one more"}, 16, "ms");
  CATCH_CHECK(image.width > 480);
  CATCH_CHECK(image.height > 480);
  CATCH_CHECK(png_bytes(image).substr(1, 3) == "PNG");
}
