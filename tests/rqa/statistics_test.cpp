// Group tests beside SciPy and statsmodels, whose answers golden/statistics.json holds.
#include "src/rqa/statistics.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "src/core/error.h"
#include "src/core/files.h"
#include "src/core/random.h"
#include "src/rqa/distributions.h"

using namespace athanor::rqa;
using Json = nlohmann::json;

namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

Json golden() {
  return Json::parse(athanor::read_file(ATHANOR_SOURCE_DIR "/tests/rqa/golden/statistics.json"));
}

// Relative to the wanted value, or to `least` where that is less.
bool near(double value, double wanted, double tolerance = 1e-10, double least = 1e-290) {
  return std::abs(value - wanted) <= tolerance * std::max(std::abs(wanted), least);
}

std::vector<double> made_columns(int64_t columns, int64_t subjects) {
  athanor::Rng rng(5);
  std::vector<double> values(columns * subjects);
  for (double& value : values) value = rng.normal();
  return values;
}

std::vector<int> three_groups(int64_t subjects) {
  std::vector<int> groups(subjects);
  for (int64_t i = 0; i < subjects; ++i) groups[i] = static_cast<int>(i % 3);
  return groups;
}

}  // namespace

CATCH_TEST_CASE("rqa statistics: tails of chi-squared and F are SciPy's to 1e-10, down to 1e-12 and beyond",
                "[unit]") {
  const Json reference = golden();
  double smallest = 1;
  for (const Json& each : reference["chi_squared_upper"]) {
    CATCH_INFO(each.dump());
    CATCH_CHECK(near(chi_squared_upper(each[0], each[1]), each[2]));
    smallest = std::min(smallest, each[2].get<double>());
  }
  for (const Json& each : reference["f_upper"]) {
    CATCH_INFO(each.dump());
    CATCH_CHECK(near(f_upper(each[0], each[1], each[2]), each[3]));
    smallest = std::min(smallest, each[3].get<double>());
  }
  CATCH_CHECK(smallest < 1e-12);
}

CATCH_TEST_CASE("rqa statistics: tails end where distributions do", "[unit]") {
  CATCH_CHECK(chi_squared_upper(0, 2) == 1);
  CATCH_CHECK(chi_squared_upper(-3, 2) == 1);
  CATCH_CHECK(chi_squared_upper(INFINITY, 2) == 0);
  CATCH_CHECK(std::isnan(chi_squared_upper(kNone, 2)));
  CATCH_CHECK(f_upper(0, 2, 9) == 1);
  CATCH_CHECK(f_upper(INFINITY, 2, 9) == 0);
  CATCH_CHECK(std::isnan(f_upper(kNone, 2, 9)));
}

CATCH_TEST_CASE("rqa statistics: Kruskal-Wallis, Welch and Hedges' g are SciPy's and statsmodels'",
                "[unit]") {
  const Json reference = golden();
  CATCH_REQUIRE(reference["columns"].size() == 20);
  for (const Json& each : reference["columns"]) {
    CATCH_INFO(each["name"]);
    const std::vector<double> values = each["values"];
    const Groups groups{each["groups"].get<std::vector<int>>()};
    // A value near 1e6 leaves fewer digits to its differences.
    const double tolerance = values[0] > 1e5 ? 1e-7 : 1e-10;
    const KruskalWallis kruskal = kruskal_wallis(values.data(), groups);
    CATCH_CHECK(near(kruskal.h, each["h"]));
    CATCH_CHECK(near(kruskal.p, each["p"]));
    const WelchAnova welch = welch_anova(values.data(), groups);
    const Json& wanted = each["welch"];
    CATCH_CHECK(near(welch.f, wanted[0], tolerance));
    CATCH_CHECK(welch.df1 == wanted[1]);
    CATCH_CHECK(near(welch.df2, wanted[2], tolerance));
    CATCH_CHECK(near(welch.p, wanted[3], tolerance));
    for (const Json& pair : each["effects"]) {
      const EffectSize effect = hedges_g(values.data(), groups, pair[0], pair[1]);
      CATCH_CHECK(near(effect.g, pair[2], tolerance, values[0] > 1e5 ? 1 : 0));
      CATCH_CHECK(near(effect.variance, pair[3], tolerance));
      CATCH_CHECK(near(effect.low, pair[4], tolerance));
      CATCH_CHECK(near(effect.high, pair[5], tolerance));
    }
  }
}

CATCH_TEST_CASE("rqa statistics: Benjamini-Hochberg is statsmodels', and what is no number takes no part",
                "[unit]") {
  const Json reference = golden();
  const std::vector<double> p = reference["p"], wanted = reference["q"];
  const std::vector<double> q = benjamini_hochberg(p);
  CATCH_REQUIRE(q.size() == wanted.size());
  for (size_t i = 0; i < q.size(); ++i) CATCH_CHECK(near(q[i], wanted[i]));
  const std::vector<double> with_none = benjamini_hochberg({kNone, 0.01, 0.04});
  CATCH_CHECK(std::isnan(with_none[0]));
  CATCH_CHECK(with_none[1] == Approx(0.02));
  CATCH_CHECK(with_none[2] == Approx(0.04));
  CATCH_CHECK(benjamini_hochberg({}).empty());
}

CATCH_TEST_CASE("rqa statistics: max-T's largest H of every permutation is the one that SciPy finds",
                "[unit]") {
  const Json reference = golden()["max_t"];
  const Groups groups{reference["groups"].get<std::vector<int>>()};
  MaxT max_t(groups, reference["orders"].get<std::vector<std::vector<int64_t>>>());
  athanor::ThreadPool pool(1);
  std::vector<double> values;
  for (const Json& column : reference["values"])
    for (const Json& value : column) values.push_back(value);
  const auto columns = static_cast<int64_t>(reference["values"].size());
  max_t.add(values.data(), 3, pool);
  max_t.add(values.data() + 3 * groups.subjects(), columns - 3, pool);
  CATCH_REQUIRE(max_t.largest().size() == reference["largest"].size());
  for (size_t b = 0; b < max_t.largest().size(); ++b)
    CATCH_CHECK(near(max_t.largest()[b], reference["largest"][b]));
  for (int64_t c = 0; c < columns; ++c) {
    const double h = kruskal_wallis(&values[c * groups.subjects()], groups).h;
    CATCH_CHECK(max_t.adjusted_p(h) == Approx(reference["adjusted"][c].get<double>()));
  }
}

CATCH_TEST_CASE("rqa statistics: max-T does not depend on threads, nor on the order of columns", "[unit]") {
  const int64_t columns = 700, subjects = GENERATE(30, 300);  // sums of 16 and of 32 bits
  const Groups groups{three_groups(subjects)};
  const std::vector<double> values = made_columns(columns, subjects);
  athanor::ThreadPool none(0), three(3);
  MaxT alone(groups, 40, 9), together(groups, 40, 9), other_seed(groups, 40, 10);
  alone.add(values.data(), columns, none);
  other_seed.add(values.data(), columns, none);
  together.add(values.data() + 500 * subjects, 200, three);
  together.add(values.data(), 500, three);
  CATCH_CHECK(alone.largest() == together.largest());
  CATCH_CHECK(alone.largest() != other_seed.largest());
  CATCH_CHECK(alone.adjusted_p(-1) == 1);
  CATCH_CHECK(alone.adjusted_p(1e9) == 1.0 / 41);
}

CATCH_TEST_CASE("rqa statistics: what cannot be tested has no value, and one group alone is an error",
                "[unit]") {
  const Groups groups{{0, 0, 1, 1, 2}};
  const std::vector<double> constant(5, 3.0), varied{1, 2, 3, 5, 4}, steps{1, 1, 2, 2, 3};
  CATCH_CHECK(std::isnan(kruskal_wallis(constant.data(), groups).p));
  CATCH_CHECK(std::isnan(welch_anova(varied.data(), groups).p));  // group 2 has one subject
  CATCH_CHECK(std::isnan(hedges_g(steps.data(), groups, 0, 1).g));
  CATCH_CHECK(std::isnan(hedges_g(varied.data(), groups, 0, 2).g));  // three subjects
  CATCH_CHECK_THROWS_AS(Groups(std::vector<int>{0, 0}), athanor::Error);
  CATCH_CHECK_THROWS_AS(Groups(std::vector<int>{0, 2}), athanor::Error);
}
