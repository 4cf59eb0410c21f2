#include "src/rqa/grid_text.h"

#include <catch2/catch.hpp>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "src/core/error.h"

using namespace athanor;
using namespace athanor::rqa;

CATCH_TEST_CASE("rqa grid: ranges and lists are what they say", "[unit]") {
  CATCH_CHECK(integers_of("1:10", "--m") == std::vector<int64_t>{1, 2, 3, 4, 5, 6, 7, 8, 9, 10});
  CATCH_CHECK(integers_of("1, 2, 5:9:2", "--m") == std::vector<int64_t>{1, 2, 5, 7, 9});
  CATCH_CHECK(decimals_of("0.5", "--eps") == std::vector<double>{0.5});
  CATCH_CHECK(decimals_of("1e-3,0.5:1:0.25", "--eps") == std::vector<double>{0.001, 0.5, 0.75, 1});
}

CATCH_TEST_CASE("rqa grid: a range of decimals holds the doubles of its decimals, its end included",
                "[unit]") {
  const std::vector<double> eps = decimals_of("0.05:0.10:0.001", "--eps");
  CATCH_REQUIRE(eps.size() == 51);
  for (int i = 0; i <= 50; ++i)
    CATCH_CHECK(
        eps[i] ==
        std::strtod(("0." + std::string(i < 50 ? "0" : "") + std::to_string(50 + i)).c_str(), nullptr));
  CATCH_CHECK(signature_of(2, 1, eps[10], 2) == "m2_tau1_eps0.06_lmin2");
}

CATCH_TEST_CASE("rqa grid: what cannot be a grid is refused with its place", "[unit]") {
  for (const char* bad :
       {"", "a", "1:", "3:1", "1:5:0", "0", "-1", "2,1", "2,2", "1:2:3:4", "1.5", "1:99999999", "1000000001",
        "1:9223372036854775807", "-9223372036854775808:9223372036854775807", "99999999999999999999"}) {
    CATCH_INFO(bad);
    CATCH_CHECK_THROWS_WITH(integers_of(bad, "--m"), Catch::Matchers::StartsWith("--m: "));
  }
  for (const char* bad : {"", "x", "0.1:0.2", "0.2:0.1:0.01", "-0.1", "nan", "inf", "0.2,0.1", "0.1:0.2:0",
                          "1e-3:1:0.1", "0.00000000000000001:100000000:1"}) {
    CATCH_INFO(bad);
    CATCH_CHECK_THROWS_WITH(decimals_of(bad, "--eps"), Catch::Matchers::StartsWith("--eps: "));
  }
}

CATCH_TEST_CASE("rqa grid: definitions are written and read back", "[unit]") {
  for (const std::string& name : preset_names()) {
    Definitions definitions = preset(name);
    definitions.theiler += 3;
    definitions.norm_2d = Norm::kLinf;
    CATCH_CHECK(describe(definitions_of(definitions_json(definitions))) == describe(definitions));
    CATCH_CHECK(definitions_json(definitions_of(definitions_json(definitions))) ==
                definitions_json(definitions));
  }
  nlohmann::ordered_json json = definitions_json({});
  CATCH_CHECK(
      json.dump() ==
      R"({"preset":"default","norm_1d":"L1","norm_2d":"L2","strict":false,"squared":false,"theiler":1,)"
      R"("rate":"outside_theiler","longest_has_main":true,"vertical_has_main":true,"log_base":0.0,)"
      R"("deviations":false})");
  json["rate"] = "some";
  CATCH_CHECK_THROWS_WITH(definitions_of(json),
                          Catch::Matchers::Contains("unknown cells") && Catch::Matchers::Contains("some"));
  CATCH_CHECK_THROWS_WITH(norm_named("l3"), Catch::Matchers::Contains("unknown norm"));
}
