#include "src/rqa/grid_text.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>

#include "src/core/error.h"
#include "src/core/text.h"

namespace athanor::rqa {
namespace {

constexpr int64_t kMostValues = 1'000'000;  // of one axis
constexpr int kMostDigits = 15;             // of a decimal in a range: exact in a double

[[noreturn]] void refuse(const std::string& where, const std::string& written, const std::string& expected) {
  throw usage_error({where, "not understood", expected, text("'", written, "'")});
}

template <class T>
T number_of(std::string_view digits, const std::string& where, const std::string& written,
            const std::string& expected) {
  T value{};
  const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (digits.empty() || parsed.ec != std::errc() || parsed.ptr != digits.data() + digits.size())
    refuse(where, written, expected);
  return value;
}

// Throws unless 0 < step, first <= last and the range is not out of all bounds.
int64_t range_size(int64_t first, int64_t last, int64_t step, const std::string& where,
                   const std::string& written) {
  if (step <= 0 || last < first || (last - first) / step >= kMostValues)
    throw usage_error({where, "a range that cannot be",
                       text("first:last:step, ascending, at most ", kMostValues, " values"),
                       text("'", written, "'")});
  return (last - first) / step + 1;
}

template <class T>
std::vector<T> checked(std::vector<T> values, T least, const std::string& where, const std::string& written) {
  for (size_t i = 0; i < values.size(); ++i)
    if (!(values[i] >= least) || (i > 0 && !(values[i] > values[i - 1])))
      throw usage_error({where, "values out of order or out of range", text("ascending, each >= ", least),
                         text("'", written, "'")});
  return values;
}

// "0.050" -> 50 and 3 digits behind the point.
struct Decimal {
  int64_t digits = 0;
  int places = 0;
};

Decimal decimal_of(std::string_view written, const std::string& where, const std::string& all,
                   const std::string& expected) {
  const size_t point = std::min(written.find('.'), written.size());
  const std::string digits = std::string(written.substr(0, point)) +
                             std::string(written.substr(std::min(point + 1, written.size())));
  if (digits.size() > kMostDigits || digits.starts_with('-')) refuse(where, all, expected);
  return {number_of<int64_t>(digits, where, all, expected),
          point == written.size() ? 0 : static_cast<int>(written.size() - point - 1)};
}

int64_t power_of_ten(int exponent) { return exponent == 0 ? 1 : 10 * power_of_ten(exponent - 1); }

// Both are exact, and division rounds once: the nearest double to the decimal.
void add_decimal_range(const std::vector<std::string>& parts, const std::string& where,
                       const std::string& written, const std::string& expected, std::vector<double>& values) {
  Decimal ends[3];
  int places = 0;
  for (int i = 0; i < 3; ++i) {
    ends[i] = decimal_of(trim(parts[i]), where, written, expected);
    places = std::max(places, ends[i].places);
  }
  for (Decimal& end : ends) {
    const int64_t scale = power_of_ten(places - end.places);
    if (end.digits > power_of_ten(kMostDigits) / scale) refuse(where, written, expected);
    end.digits *= scale;
  }
  const int64_t count = range_size(ends[0].digits, ends[1].digits, ends[2].digits, where, written);
  for (int64_t i = 0; i < count; ++i)
    values.push_back(static_cast<double>(ends[0].digits + i * ends[2].digits) /
                     static_cast<double>(power_of_ten(places)));
}

const char* rate_name(RateCells rate) {
  return rate == RateCells::kAll               ? "all"
         : rate == RateCells::kOffMainDiagonal ? "off_main_diagonal"
                                               : "outside_theiler";
}

}  // namespace

std::vector<int64_t> integers_of(const std::string& written, const std::string& where) {
  const std::string expected = "whole numbers and ranges first:last[:step], separated by commas";
  std::vector<int64_t> values;
  for (const std::string& one : split(written, ',')) {
    std::vector<int64_t> ends;
    for (const std::string& part : split(one, ':'))
      ends.push_back(number_of<int64_t>(trim(part), where, written, expected));
    if (ends.size() > 3 || ends.empty()) refuse(where, written, expected);
    const int64_t step = ends.size() == 3 ? ends[2] : 1;
    const int64_t count = range_size(ends[0], ends.size() == 1 ? ends[0] : ends[1], step, where, written);
    for (int64_t i = 0; i < count; ++i) values.push_back(ends[0] + i * step);
  }
  if (values.empty()) refuse(where, written, expected);
  return checked<int64_t>(std::move(values), 1, where, written);
}

std::vector<double> decimals_of(const std::string& written, const std::string& where) {
  const std::string expected = "numbers and ranges first:last:step, separated by commas";
  std::vector<double> values;
  for (const std::string& one : split(written, ',')) {
    const std::vector<std::string> parts = split(one, ':');
    if (parts.size() == 1)
      values.push_back(number_of<double>(trim(parts[0]), where, written, expected));
    else if (parts.size() == 3)
      add_decimal_range(parts, where, written, expected, values);
    else
      refuse(where, written, expected);
    if (!std::isfinite(values.back())) refuse(where, written, expected);
  }
  if (values.empty()) refuse(where, written, expected);
  return checked<double>(std::move(values), 0, where, written);
}

std::string signature_of(int64_t m, int64_t tau, double eps, int64_t lmin) {
  return text("m", m, "_tau", tau, "_eps", shortest(eps), "_lmin", lmin);
}

Norm norm_named(const std::string& name) {
  for (const Norm norm : {Norm::kL1, Norm::kL2, Norm::kLinf})
    if (norm_name(norm) == name) return norm;
  throw usage_error(
      {.what = text("unknown norm '", name, "'"), .hint = suggestion(name, {"L1", "L2", "Linf"})});
}

std::string norm_name(Norm norm) { return norm == Norm::kL1 ? "L1" : norm == Norm::kL2 ? "L2" : "Linf"; }

nlohmann::ordered_json definitions_json(const Definitions& definitions) {
  return {{"preset", definitions.preset},
          {"norm_1d", norm_name(definitions.norm_1d)},
          {"norm_2d", norm_name(definitions.norm_2d)},
          {"strict", definitions.strict},
          {"squared", definitions.squared},
          {"theiler", definitions.theiler},
          {"rate", rate_name(definitions.rate)},
          {"longest_has_main", definitions.longest_has_main},
          {"vertical_has_main", definitions.vertical_has_main},
          {"log_base", definitions.log_base},
          {"deviations", definitions.deviations}};
}

Definitions definitions_of(const nlohmann::ordered_json& json) {
  Definitions definitions;
  definitions.preset = json.at("preset").get<std::string>();
  definitions.norm_1d = norm_named(json.at("norm_1d"));
  definitions.norm_2d = norm_named(json.at("norm_2d"));
  definitions.strict = json.at("strict");
  definitions.squared = json.at("squared");
  definitions.theiler = json.at("theiler");
  for (const RateCells rate : {RateCells::kAll, RateCells::kOffMainDiagonal, RateCells::kOutsideTheiler})
    if (json.at("rate") == rate_name(rate)) definitions.rate = rate;
  definitions.longest_has_main = json.at("longest_has_main");
  definitions.vertical_has_main = json.at("vertical_has_main");
  definitions.log_base = json.at("log_base");
  definitions.deviations = json.at("deviations");
  return definitions;
}

}  // namespace athanor::rqa
