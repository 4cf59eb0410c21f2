#include "src/rqa/rows.h"

#include <catch2/catch.hpp>
#include <cmath>

#include "src/core/random.h"
#include "src/rqa/walk.h"
#include "tests/rqa/walk_cases.h"

using namespace athanor::rqa;
using athanor::Rng;

namespace {

// By m, of every kind of CPU, which count alike.
std::vector<LineCounts> row_counts(const WalkCase& each, const Series* other, int64_t tau, double bound) {
  const int64_t max_m = each.m.back(), longest = std::max(each.series.length(), other ? other->length() : 0);
  const Screen screen(each.series, other, norm_of(each.series, each.definitions), {bound}, max_m,
                      std::min((max_m - 1) * tau, max_m * longest));
  std::vector<bool> wanted_m(static_cast<size_t>(max_m) + 1);
  for (const int64_t m : each.m) wanted_m[static_cast<size_t>(m)] = true;
  std::vector<LineCounts> out;
  for (const WalkKernel* kernel : walk_kernels()) {
    const auto counts = count_rows(screen, wanted_m, tau, each.definitions, each.wanted, row_kernel(*kernel));
    if (out.empty()) out = counts;
    CATCH_INFO(kernel_name(*kernel));
    CATCH_REQUIRE(counts == out);
  }
  return out;
}

// One threshold at a time.
void check_case(const WalkCase& each, Compared& compared) {
  const std::vector<double> bounds = sum_bounds(each.series, each.eps, each.definitions);
  for (size_t e = 0; e < bounds.size(); e += 1 + bounds.size() / 3) {
    const CountsByPlace plain = plain_counts(each, {bounds[e]});
    for (size_t tau = 0; tau < each.tau.size(); ++tau) {
      const std::vector<LineCounts> rows = row_counts(each, nullptr, each.tau[tau], bounds[e]);
      for (size_t m = 0; m < each.m.size(); ++m) {
        CATCH_INFO("m " << each.m[m] << ", tau " << each.tau[tau] << ", eps " << each.eps[e]);
        const auto found = plain.find({m, tau});
        CATCH_REQUIRE(rows[static_cast<size_t>(each.m[m])] ==
                      (found == plain.end() ? LineCounts{} : found->second));
        if (found != plain.end()) compared.add(found->second);
      }
    }
  }
}

// Stretches of one value: lines as long as they, through words of cells and through the main diagonal.
WalkCase stretches(uint64_t seed) {
  Rng rng(seed);
  WalkCase out{.m = {1, 2, 5}, .tau = {1, 7}, .eps = {0, 0.1}};
  out.definitions.theiler = static_cast<int64_t>(rng.below(4)) * 30;
  out.definitions.vertical_has_main = rng.below(2) == 0;
  out.wanted = {true, rng.below(2) == 0};
  out.series.coordinates.resize(1);
  for (auto& values = out.series.coordinates[0]; values.size() < 420;)
    values.insert(values.end(), 1 + rng.below(200), static_cast<double>(rng.below(3)));
  return out;
}

}  // namespace

CATCH_TEST_CASE("rqa rows: counts equal those of the plain matrix, on every kind of CPU, ties on eps and all",
                "[unit]") {
  Compared compared;
  for (uint64_t seed = 0; seed < 700; ++seed) {
    CATCH_INFO("case " << seed);
    check_case(random_walk_case(seed), compared);
  }
  CATCH_CHECK(compared.matrices > 5000);
  CATCH_CHECK(compared.lines > 15000);
}

CATCH_TEST_CASE("rqa rows: long lines are counted whole, through words and the main diagonal", "[unit]") {
  Compared compared;
  for (uint64_t seed = 0; seed < 12; ++seed) {
    CATCH_INFO("case " << seed);
    check_case(stretches(seed), compared);
  }
  CATCH_CHECK(compared.matrices == 12 * 12);
  CATCH_CHECK(compared.lines > 1000);
}

CATCH_TEST_CASE("rqa rows: the cross-recurrence of two series equals that of the plain matrix", "[unit]") {
  int64_t compared = 0;
  for (uint64_t seed = 1000; seed < 1300; ++seed) {
    CATCH_INFO("case " << seed);
    WalkCase each = random_walk_case(seed);
    Series other = each.series;
    for (auto& values : other.coordinates) values.resize(values.size() - values.size() / 3);
    if (seed % 2) std::swap(other, each.series);
    const double bound =
        sum_bounds(each.series, {each.eps[each.eps.size() / 2]}, each.definitions, &other)[0];
    const std::vector<LineCounts> rows = row_counts(each, &other, each.tau[0], bound);
    for (const int64_t m : each.m) {
      if (std::min(each.series.length(), other.length()) - (m - 1) * each.tau[0] < 2) continue;
      ++compared;
      CATCH_REQUIRE(rows[static_cast<size_t>(m)] == count_cross_lines_plainly(each.series, other, m,
                                                                              each.tau[0], {bound},
                                                                              each.definitions, each.wanted));
    }
  }
  CATCH_CHECK(compared > 500);
}

CATCH_TEST_CASE("rqa rows: values that single precision cannot tell apart are told apart", "[unit]") {
  Compared compared;
  for (const double offset : {0.0, 1e9}) check_case(close_values(offset), compared);
  CATCH_CHECK(compared.matrices == 8);
}
