#include "src/rqa/walk.h"

#include <array>
#include <catch2/catch.hpp>
#include <cmath>
#include <cstring>
#include <set>

#include "src/core/random.h"
#include "src/rqa/screen.h"

using namespace athanor::rqa;
using athanor::Rng;

namespace {

struct Case {
  Series series;
  std::vector<int64_t> m, tau;
  std::vector<double> eps;
  Definitions definitions;
  Wanted wanted;
};

double value_of(Rng& rng, int kind, double last) {
  if (kind == 0) return static_cast<double>(rng.below(12)) * 0.05;  // many distances exactly on a threshold
  if (kind == 1) return rng.normal();
  if (kind == 2) return rng.below(10) == 0 ? rng.uniform() : last + 0.01 * rng.normal();  // fixations
  return rng.below(50) == 0 ? 1e6 * rng.uniform()
                            : last + 0.001 * rng.normal();  // thresholds far below the range
}

Case random_case(uint64_t seed) {
  Rng rng(seed);
  Case out;
  const auto length = static_cast<size_t>(2 + rng.below(rng.below(8) == 0 ? 299 : 140));
  const int kind = static_cast<int>(rng.below(4));
  out.series.coordinates.resize(1 + rng.below(3));
  for (auto& values : out.series.coordinates) {
    double last = 0;
    for (size_t i = 0; i < length; ++i) values.push_back(last = value_of(rng, kind, last));
  }
  for (int64_t m = 1; m <= 10; ++m)
    if (rng.below(3) == 0) out.m.push_back(m);
  if (out.m.empty()) out.m = {2};
  out.tau = {1 + static_cast<int64_t>(rng.below(9)), 1 + static_cast<int64_t>(rng.below(3))};
  std::set<double> eps;
  const size_t thresholds = 1 + rng.below(rng.below(4) == 0 ? 60 : 6);
  while (eps.size() < thresholds)
    eps.insert(kind == 0 ? 0.05 * static_cast<double>(rng.below(80)) : rng.uniform());
  out.eps.assign(eps.begin(), eps.end());
  const Norm norm = static_cast<Norm>(rng.below(3));
  out.definitions.norm_1d = out.definitions.norm_2d = norm;
  out.definitions.strict = rng.below(2) == 0;
  out.definitions.squared = rng.below(2) == 0;
  out.definitions.theiler = std::array<int64_t, 3>{0, 1, 5}[rng.below(3)];
  out.definitions.vertical_has_main = rng.below(2) == 0;
  out.wanted = {rng.below(2) == 0, rng.below(3) == 0};
  return out;
}

void check_case(const Case& each, const WalkKernel* kernel, int64_t& compared, int64_t& lines) {
  const std::vector<double> bounds = sum_bounds(each.series, each.eps, each.definitions);
  count_lines(each.series, each.m, each.tau, bounds, each.definitions,
              {.wanted = each.wanted, .kernel = kernel}, [&](size_t m, size_t tau, const LineCounts& counts) {
                const LineCounts plain = count_lines_plainly(each.series, each.m[m], each.tau[tau], bounds,
                                                             each.definitions, each.wanted);
                CATCH_REQUIRE(counts == plain);
                ++compared;
                for (const int64_t length : plain.diagonal.lengths) lines += length > 1;
              });
}

}  // namespace

CATCH_TEST_CASE("rqa walk: counts equal those of the plain matrix, on every kind of CPU, ties on eps and all",
                "[unit]") {
  for (const WalkKernel* kernel : walk_kernels()) {
    int64_t compared = 0, lines = 0;
    for (uint64_t seed = 0; seed < 160; ++seed) {
      CATCH_INFO(kernel_name(*kernel) << ", case " << seed);
      check_case(random_case(seed), kernel, compared, lines);
    }
    CATCH_CHECK(compared > 800);
    CATCH_CHECK(lines > 3000);
  }
}

CATCH_TEST_CASE("rqa walk: the cross-recurrence of two series equals that of the plain matrix", "[unit]") {
  int64_t compared = 0;
  for (const WalkKernel* kernel : walk_kernels())
    for (uint64_t seed = 1000; seed < 1060; ++seed) {
      CATCH_INFO(kernel_name(*kernel) << ", case " << seed);
      Case each = random_case(seed);
      Series other = each.series;
      for (auto& values : other.coordinates) values.resize(values.size() - values.size() / 3);
      if (seed % 2) std::swap(other, each.series);
      const std::vector<double> bounds = sum_bounds(each.series, each.eps, each.definitions, &other);
      count_lines(
          each.series, each.m, each.tau, bounds, each.definitions,
          {.wanted = each.wanted, .kernel = kernel, .other = &other},
          [&](size_t m, size_t tau, const LineCounts& counts) {
            ++compared;
            CATCH_REQUIRE(counts == count_cross_lines_plainly(each.series, other, each.m[m], each.tau[tau],
                                                              bounds, each.definitions, each.wanted));
          });
    }
  CATCH_CHECK(compared > 300);
}

CATCH_TEST_CASE("rqa walk: a series against itself recurs as often as alone, and has no trend", "[unit]") {
  Rng rng(5);
  Series series{{{}}};
  for (int i = 0; i < 100; ++i) series.coordinates[0].push_back(rng.uniform());
  const Grid grid{{2}, {1}, {0.2}, {2}};
  const Definitions definitions = preset("seed-cpu");  // the main diagonal is in
  double alone[2], crossed[2];
  analyse(series, grid, definitions, {Metric::kRR, Metric::kDET}, alone);
  analyse_cross(series, series, grid, definitions, {Metric::kRR, Metric::kDET}, crossed);
  CATCH_CHECK(alone[0] == crossed[0]);
  CATCH_CHECK(alone[1] == crossed[1]);
  analyse_cross(series, series, grid, definitions, {Metric::kTrend, Metric::kVmax}, crossed);
  CATCH_CHECK(std::isnan(crossed[0]));
  CATCH_CHECK(crossed[1] >= 1);
}

CATCH_TEST_CASE("rqa walk: a long series with long lines is counted like the plain matrix", "[unit]") {
  Case each{.m = {1, 3}, .tau = {2}, .eps = {0.001, 0.2, 3}};
  each.wanted = {true, true};
  each.series.coordinates.resize(1);
  for (int64_t i = 0; i < 1500; ++i)
    each.series.coordinates[0].push_back(std::sin(0.05 * static_cast<double>(i)));
  for (const WalkKernel* kernel : walk_kernels()) {
    int64_t compared = 0, lines = 0;
    check_case(each, kernel, compared, lines);
    CATCH_CHECK(compared == 2);
  }
}

CATCH_TEST_CASE("rqa walk: values that single precision cannot tell apart are told apart", "[unit]") {
  Case each{.m = {1, 2}, .tau = {1}, .eps = {0.05, 0.1}};
  each.series.coordinates = {
      {0, 0.05, 0.05 + 1e-15, 0.1, std::nextafter(0.05, 0), 0.15, 0.1 + 2e-16, 0, 0.05}};
  int64_t compared = 0, lines = 0;
  check_case(each, nullptr, compared, lines);
  for (auto& value : each.series.coordinates[0]) value += 1e9;  // and those that only an offset takes away
  check_case(each, nullptr, compared, lines);
  CATCH_CHECK(compared == 4);
}

CATCH_TEST_CASE("rqa walk: threads share the delays and change nothing", "[unit]") {
  athanor::ThreadPool pool(2);
  Rng rng(7);
  Series series{{{}, {}}};
  for (int i = 0; i < 300; ++i)
    for (auto& values : series.coordinates) values.push_back(rng.uniform());
  const Grid grid{{1, 2, 3}, {1, 2, 3, 4, 5}, {0.1, 0.2, 0.3}, {2, 3}};
  const std::vector<Metric> metrics{Metric::kRR, Metric::kDET, Metric::kENT, Metric::kLAM};
  std::vector<double> one(static_cast<size_t>(grid.combinations()) * 4), several(one);
  analyse(series, grid, {}, metrics, one.data());
  analyse(series, grid, {}, metrics, several.data(), &pool);
  CATCH_CHECK(std::memcmp(one.data(), several.data(), one.size() * sizeof(double)) == 0);
  CATCH_CHECK(one[0] > 0);
}

CATCH_TEST_CASE("rqa walk: 1,020,000 combinations over one recording are those that it has alone", "[unit]") {
  Rng rng(3);
  Series series{{{}}};
  for (int i = 0; i < 150; ++i) series.coordinates[0].push_back(rng.uniform());
  Grid many{{}, {}, {}, {2, 3}};
  for (int64_t k = 1; k <= 10; ++k) many.m.push_back(k), many.tau.push_back(k);
  for (int i = 0; i < 5100; ++i) many.eps.push_back(0.05 + 0.00001 * i);  // more than a level can name
  CATCH_REQUIRE(many.combinations() == 1'020'000);
  std::vector<double> values(1'020'000);
  analyse(series, many, {}, {Metric::kDET}, values.data());
  int64_t found = 0;
  for (size_t at = 0; at < values.size(); at += 7919) {
    const size_t l = at % 2, e = at / 2 % 5100, tau = at / 10200 % 10, m = at / 102000;
    double alone = 0;
    analyse(series, {{many.m[m]}, {many.tau[tau]}, {many.eps[e]}, {many.lmin[l]}}, {}, {Metric::kDET},
            &alone);
    CATCH_CHECK((alone == values[at] || (std::isnan(alone) && std::isnan(values[at]))));
    found += alone > 0;
  }
  CATCH_CHECK(found > 10);
}
