#include "src/rqa/walk.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <cstring>

#include "src/core/random.h"
#include "src/rqa/walk_kernel.h"
#include "tests/rqa/walk_cases.h"

using namespace athanor::rqa;
using athanor::Rng;

namespace {

CountsByPlace counts_of(const WalkCase& each, const std::vector<double>& bounds, const WalkKernel* kernel) {
  CountsByPlace out;
  count_lines(each.series, each.m, each.tau, bounds, each.definitions,
              {.wanted = each.wanted, .kernel = kernel}, [&](size_t m, size_t tau, const LineCounts& counts) {
                out[{m, tau}] = counts;
              });
  return out;
}

void check_case(const WalkCase& each, Compared& compared) {
  const std::vector<double> bounds = sum_bounds(each.series, each.eps, each.definitions);
  const CountsByPlace plain = plain_counts(each, bounds);
  for (const auto& [place, counts] : plain) compared.add(counts);
  for (const WalkKernel* kernel : walk_kernels()) {
    CATCH_INFO(kernel_name(*kernel));
    CATCH_REQUIRE(counts_of(each, bounds, kernel) == plain);
  }
}

}  // namespace

CATCH_TEST_CASE("rqa walk: counts equal those of the plain matrix, on every kind of CPU, ties on eps and all",
                "[unit]") {
  Compared compared;
  for (uint64_t seed = 0; seed < 800; ++seed) {
    CATCH_INFO("case " << seed);
    check_case(random_walk_case(seed), compared);
  }
  CATCH_CHECK(compared.matrices > 4000);
  CATCH_CHECK(compared.lines > 15000);
}

CATCH_TEST_CASE("rqa walk: runs of any length are closed alike on every kind of CPU", "[unit]") {
  Rng rng(11);
  int64_t most = 0;
  for (int round = 0; round < 300; ++round) {
    const auto count = static_cast<int64_t>(1 + rng.below(700)),
               reach = static_cast<int64_t>(1 + rng.below(54));
    const uint64_t gap = 1 + rng.below(90), far = round % 10 == 0 ? 70'000 : 5;
    const auto room = static_cast<size_t>(count + 3 * kWordCells);
    std::vector<uint32_t> places(room);
    std::vector<uint8_t> levels(room);
    uint32_t place = 3;
    for (int64_t n = 1; n <= count; ++n) {
      place += rng.below(gap) == 0 ? static_cast<uint32_t>(2 + rng.below(far)) : 1;
      places[n] = place;
      levels[n] = static_cast<uint8_t>(rng.below(3) == 0 && n > 1 ? levels[n - 1] : rng.below(reach));
    }
    places[0] = places[1] - 2;
    const Cells cells{places.data() + 1, nullptr, levels.data() + 1, nullptr, count, 0};
    std::vector<std::vector<int32_t>> sums;
    for (const WalkKernel* kernel : walk_kernels()) {
      std::vector<int32_t> differences((count + 2) * 55);
      std::vector<uint8_t> change_levels(room);
      std::vector<uint32_t> change_places(room);
      LineDifferences lines{differences.data(), 55, 1};
      kernel->close_lines(cells, 54, {change_levels.data(), change_places.data()}, lines);
      differences.push_back(static_cast<int32_t>(lines.longest));
      most = std::max(most, lines.longest);
      for (int64_t length = 0; length < count + 2; ++length)
        differences[length * 55 + 54] = 0;  // of no threshold
      sums.push_back(differences);
    }
    for (const auto& each : sums) CATCH_REQUIRE(each == sums.front());
  }
  CATCH_CHECK(most > 200);
}

CATCH_TEST_CASE("rqa walk: the cross-recurrence of two series equals that of the plain matrix", "[unit]") {
  int64_t compared = 0;
  for (const WalkKernel* kernel : walk_kernels())
    for (uint64_t seed = 1000; seed < 1060; ++seed) {
      CATCH_INFO(kernel_name(*kernel) << ", case " << seed);
      WalkCase each = random_walk_case(seed);
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
  WalkCase each{.m = {1, 3}, .tau = {2}, .eps = {0.001, 0.2, 3}};
  each.wanted = {true, true};
  each.series.coordinates.resize(1);
  for (int64_t i = 0; i < 1500; ++i)
    each.series.coordinates[0].push_back(std::sin(0.05 * static_cast<double>(i)));
  Compared compared;
  check_case(each, compared);
  CATCH_CHECK(compared.matrices == 2);
}

CATCH_TEST_CASE("rqa walk: values that single precision cannot tell apart are told apart", "[unit]") {
  Compared compared;
  for (const double offset : {0.0, 1e9}) check_case(close_values(offset), compared);
  CATCH_CHECK(compared.matrices == 4);
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
  analyse(series, grid, {}, metrics, several.data(), {.pool = &pool});
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
