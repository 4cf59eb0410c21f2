// Presets beside the programs whose definitions they make: golden/rivals.json holds those programs' answers.
#include <catch2/catch.hpp>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>

#include "src/core/files.h"
#include "src/core/text.h"
#include "src/rqa/metrics.h"

using namespace athanor::rqa;
using athanor::text;
using Json = nlohmann::json;

namespace {

Json golden() { return Json::parse(athanor::read_file(ATHANOR_SOURCE_DIR "/tests/rqa/golden/rivals.json")); }

Definitions definitions_of(const Json& each) {
  Definitions definitions = preset(each["rival"]);
  const std::map<std::string, Norm> norms{{"L1", Norm::kL1}, {"L2", Norm::kL2}, {"Linf", Norm::kLinf}};
  definitions.norm_1d = definitions.norm_2d = norms.at(each["norm"]);
  return definitions;
}

std::map<int64_t, int64_t> lines(const LineLengths& lengths, int64_t weight) {
  std::map<int64_t, int64_t> out;
  for (size_t k = 0; k < lengths.lengths.size(); ++k) out[lengths.lengths[k]] = weight * lengths.counts[k];
  return out;
}

std::map<int64_t, int64_t> lines(const Json& pairs) {
  std::map<int64_t, int64_t> out;
  for (const Json& pair : pairs) out[pair[0]] = pair[1];
  return out;
}

}  // namespace

CATCH_TEST_CASE("rqa presets: every metric is the rival's, ties on eps included", "[unit]") {
  const Json reference = golden();
  std::map<std::string, int> compared;
  for (const Json& each : reference["cases"]) {
    CATCH_INFO(each["rival"] << ": " << each["name"] << ", norm " << each["norm"]);
    const double tolerance = reference["tolerances"][each["rival"].get<std::string>()];
    for (const auto& [name, wanted] : each["metrics"].items()) {
      double value = 0;
      analyse({each["series"]}, {{each["m"]}, {each["tau"]}, {each["eps"]}, {each["lmin"]}},
              definitions_of(each), {metric_named(name)}, &value);
      CATCH_INFO(name << " of " << each["metrics"].dump());
      if (wanted.is_null())
        CATCH_CHECK(std::isnan(value));
      else
        CATCH_CHECK(std::abs(value - wanted.get<double>()) <= tolerance * std::max(1.0, std::abs(value)));
      ++compared[each["rival"]];
    }
  }
  CATCH_CHECK(compared == std::map<std::string, int>{{"accrqa", 200}, {"pyrqa", 500}, {"pyunicorn", 400}});
}

CATCH_TEST_CASE("rqa presets: line counts are those that PyRQA and pyunicorn count", "[unit]") {
  int compared = 0;
  const Json reference = golden();
  for (const Json& each : reference["cases"]) {
    if (!each.contains("diagonal_lines")) continue;
    CATCH_INFO(each["rival"] << ": " << each["name"] << ", norm " << each["norm"]);
    const Series series{each["series"]};
    const Definitions definitions = definitions_of(each);
    const LineCounts counts =
        count_lines_plainly(series, each["m"], each["tau"], sum_bounds(series, {each["eps"]}, definitions),
                            definitions, {.vertical = true});
    CATCH_CHECK(lines(counts.diagonal, 2) == lines(each["diagonal_lines"]));
    CATCH_CHECK(lines(counts.vertical, 1) == lines(each["vertical_lines"]));
    ++compared;
  }
  CATCH_CHECK(compared == 100);
}
