// Constraints of fields: builders, checks, and how they read to people.
#include <algorithm>

#include "src/core/constraint.h"
#include "src/core/text.h"

namespace athanor {

Constraint between(double minimum, double maximum) { return {.minimum = minimum, .maximum = maximum}; }

Constraint one_of(std::vector<std::string> names) { return {.one_of = std::move(names)}; }

std::string constraint_text(const Constraint& allowed, const std::string& kind) {
  if (!allowed.one_of.empty()) return "one of: " + join(allowed.one_of, ", ");
  if (allowed.not_empty) return kind.empty() ? "not empty" : kind + " that is not empty";
  if (allowed.minimum && allowed.maximum)
    return kind + " in " + (allowed.exclusive_minimum ? "(" : "[") + shortest(*allowed.minimum) + "," +
           shortest(*allowed.maximum) + (allowed.exclusive_maximum ? ")" : "]");
  if (allowed.minimum)
    return kind + (allowed.exclusive_minimum ? " > " : " >= ") + shortest(*allowed.minimum);
  if (allowed.maximum)
    return kind + (allowed.exclusive_maximum ? " < " : " <= ") + shortest(*allowed.maximum);
  return kind;
}

bool holds(const Constraint& allowed, double value) {
  if (allowed.minimum &&
      (allowed.exclusive_minimum ? !(value > *allowed.minimum) : !(value >= *allowed.minimum)))
    return false;
  if (allowed.maximum &&
      (allowed.exclusive_maximum ? !(value < *allowed.maximum) : !(value <= *allowed.maximum)))
    return false;
  return value == value;
}

bool holds(const Constraint& allowed, const std::string& value) {
  if (allowed.not_empty && value.empty()) return false;
  return allowed.one_of.empty() ||
         std::find(allowed.one_of.begin(), allowed.one_of.end(), value) != allowed.one_of.end();
}

}  // namespace athanor
