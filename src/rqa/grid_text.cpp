#include "src/rqa/grid_text.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>

#include "src/core/error.h"
#include "src/core/text.h"

namespace athanor::rqa {
namespace {

constexpr int64_t kMostValues = 1'000'000;       // of one axis
constexpr int64_t kMostInteger = 1'000'000'000;  // of a value; (m-1) tau fits into 64 bits
constexpr int kMostDigits = 15;                  // of a decimal in a range: exact in a double

[[noreturn]] void refuse(const std::string& where, const std::string& written, const std::string& expected) {
  throw usage_error({where, "not understood", expected, text("'", written, "'")});
}

[[noreturn]] void refuse_values(const std::string& where, const std::string& written,
                                const std::string& expected) {
  throw usage_error({where, "values out of order or out of range", expected, text("'", written, "'")});
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
      refuse_values(where, written, text("ascending, each >= ", least));
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

constexpr std::pair<RateCells, const char*> kRateNames[] = {
    {RateCells::kAll, "all"},
    {RateCells::kOffMainDiagonal, "off_main_diagonal"},
    {RateCells::kOutsideTheiler, "outside_theiler"}};

// Each by its name. A definition that is not listed does not compile.
template <class Some, class Visit>
void visit_definitions(Some& definitions, const Visit& visit) {
  auto& [preset, norm_1d, norm_2d, strict, squared, theiler, rate, longest_has_main, vertical_has_main,
         log_base, deviations] = definitions;
  visit("preset", preset);
  visit("norm_1d", norm_1d);
  visit("norm_2d", norm_2d);
  visit("strict", strict);
  visit("squared", squared);
  visit("theiler", theiler);
  visit("rate", rate);
  visit("longest_has_main", longest_has_main);
  visit("vertical_has_main", vertical_has_main);
  visit("log_base", log_base);
  visit("deviations", deviations);
}

struct Writer {
  nlohmann::ordered_json& json;
  template <class T>
  void operator()(const char* name, const T& value) const {
    json[name] = value;
  }
  void operator()(const char* name, const Norm& norm) const { json[name] = norm_name(norm); }
  void operator()(const char* name, const RateCells& rate) const {
    for (const auto& [cells, called] : kRateNames)
      if (cells == rate) json[name] = called;
  }
};

struct Reader {
  const nlohmann::ordered_json& json;
  template <class T>
  void operator()(const char* name, T& value) const {
    json.at(name).get_to(value);
  }
  void operator()(const char* name, Norm& norm) const { norm = norm_named(json.at(name)); }
  void operator()(const char* name, RateCells& rate) const {
    for (const auto& [cells, called] : kRateNames)
      if (json.at(name) == called) {
        rate = cells;
        return;
      }
    throw Error({.what = "unknown cells of a recurrence rate", .got = json.at(name).dump()});
  }
};

}  // namespace

std::vector<int64_t> integers_of(const std::string& written, const std::string& where) {
  const std::string expected = "whole numbers and ranges first:last[:step], separated by commas";
  std::vector<int64_t> values;
  for (const std::string& one : split(written, ',')) {
    std::vector<int64_t> ends;
    for (const std::string& part : split(one, ':')) {
      ends.push_back(number_of<int64_t>(trim(part), where, written, expected));
      if (ends.back() < 1 || ends.back() > kMostInteger)
        refuse_values(where, written, text("ascending, each >= 1 and <= ", kMostInteger));
    }
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
  nlohmann::ordered_json json;
  visit_definitions(definitions, Writer{json});
  return json;
}

Definitions definitions_of(const nlohmann::ordered_json& json) {
  Definitions definitions;
  visit_definitions(definitions, Reader{json});
  return definitions;
}

}  // namespace athanor::rqa
