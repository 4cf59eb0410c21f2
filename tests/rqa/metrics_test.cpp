#include "src/rqa/metrics.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <map>

#include "src/core/random.h"

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

CATCH_TEST_CASE("rqa: a Theiler window that leaves no cell leaves no recurrence rate", "[unit]") {
  for (const int64_t theiler : {6, 7, 8, 20, 1'000'000'000}) {
    Definitions definitions;
    definitions.theiler = theiler;
    double values[2];
    analyse(kAlternating, {{1}, {1}, {0.5}, {2}}, definitions, {Metric::kRR, Metric::kDET}, values);
    CATCH_INFO(theiler);
    CATCH_CHECK(std::isnan(values[0]));
    CATCH_CHECK(std::isnan(values[1]));
  }
}

CATCH_TEST_CASE("rqa: with every shortest line up to 10, the metrics are those of the lines one by one",
                "[unit]") {
  athanor::Rng rng(3);
  std::vector<int64_t> lmin{1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
  int64_t with_lines = 0;
  for (int round = 0; round < 200; ++round) {
    LineCounts counts{.vectors = 300};
    std::vector<std::vector<int64_t>> lines(3);  // the lengths of each threshold's
    for (int64_t length = 1; length <= 30; ++length) {
      if (rng.below(3) == 0) continue;
      counts.diagonal.lengths.push_back(length);
      for (auto& each : lines) {
        const auto count = static_cast<int64_t>(rng.below(length < 8 ? 5 : 2));
        counts.diagonal.counts.push_back(count);
        each.insert(each.end(), static_cast<size_t>(count), length);
      }
    }
    counts.cells = counts.cells_in_window = {0, 0, 0};
    std::vector<double> values(3 * lmin.size() * 3);
    compute_metrics(counts, lmin, {Metric::kDET, Metric::kL, Metric::kENT}, {}, values.data());
    for (size_t e = 0; e < 3; ++e)
      for (const int64_t least : lmin) {
        double points = 0, all = 0, number = 0, entropy = 0;
        std::map<int64_t, double> by_length;
        for (const int64_t length : lines[e]) {
          all += static_cast<double>(length);
          if (length >= least) points += static_cast<double>(length), number += 1, by_length[length] += 1;
        }
        for (const auto& [length, count] : by_length) entropy -= count / number * std::log(count / number);
        const double* got = values.data() + (e * lmin.size() + static_cast<size_t>(least) - 1) * 3;
        if (all > 0) CATCH_REQUIRE(got[0] == points / all);
        if (number == 0) continue;
        ++with_lines;
        CATCH_REQUIRE(got[1] == points / number);
        CATCH_REQUIRE(got[2] == Approx(entropy).margin(1e-12));
      }
  }
  CATCH_CHECK(with_lines > 3000);
}
