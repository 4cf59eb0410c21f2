#include "src/rqa/metrics.h"

#include <catch2/catch.hpp>
#include <cmath>

using namespace athanor::rqa;

namespace {

// 0 1 0 1 0 1: with eps 0.5 every second diagonal is one line.
const Series kAlternating{{{0, 1, 0, 1, 0, 1}}};

}  // namespace

CATCH_TEST_CASE("rqa: an alternating series has the metrics that one counts by hand", "[unit]") {
  const Definitions definitions;
  const Grid grid{{1}, {1}, {0.5}, {2}};
  const std::vector<Metric> metrics{Metric::kRR,   Metric::kDET, Metric::kL,
                                    Metric::kLmax, Metric::kDIV, Metric::kENT};
  double values[6];
  analyse(kAlternating, grid, definitions, metrics, values);
  CATCH_CHECK(values[0] == 12.0 / 30);  // diagonals of 4 and 2 cells on either side, of 30 off the main one
  CATCH_CHECK(values[1] == 1);
  CATCH_CHECK(values[2] == 3);
  CATCH_CHECK(values[3] == 4);
  CATCH_CHECK(values[4] == 0.25);
  CATCH_CHECK(values[5] == Approx(std::log(2.0)));
}
