// A config struct lists its fields once, in list_fields(Fields&); visitors of that list read YAML, apply
// overrides, write the commented default file, the JSON Schema and the reference in the docs (core/config.h).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace athanor {

// What values a field takes. Plain data, so that it can be checked, printed and put into a schema.
struct Constraint {
  std::optional<double> minimum;
  bool exclusive_minimum = false;
  std::optional<double> maximum;
  bool exclusive_maximum = false;
  std::vector<std::string> one_of = {};
  bool not_empty = false;
};

inline const Constraint kAny{};
inline const Constraint kPositive{.minimum = 0, .exclusive_minimum = true};
inline const Constraint kNonNegative{.minimum = 0};
inline const Constraint kFraction{.minimum = 0, .maximum = 1};                            // [0,1]
inline const Constraint kDropout{.minimum = 0, .maximum = 1, .exclusive_maximum = true};  // [0,1)
inline const Constraint kNotEmpty{.not_empty = true};
Constraint between(double minimum, double maximum);
Constraint one_of(std::vector<std::string> names);

// An ordered map, as YAML writes it: {M1: 480, M5: 288}.
using IntMap = std::vector<std::pair<std::string, int64_t>>;

using FieldRef = std::variant<bool*, int64_t*, double*, std::string*, std::vector<int64_t>*,
                              std::vector<double>*, std::vector<std::string>*, IntMap*>;

class ChoiceBase;
class ChoiceListBase;

class Fields {
 public:
  virtual ~Fields() = default;

  // A field's current value is its default; name in snake_case; help is one clause with units.
  template <class T>
  void field(const std::string& name, T& value, const std::string& help, const Constraint& allowed = kAny) {
    visit(name, FieldRef(&value), help, allowed);
  }
  // A nested struct.
  template <class Struct>
  void section(const std::string& name, Struct& nested, const std::string& help) {
    visit_section(
        name, [&nested](Fields& fields) { nested.list_fields(fields); }, help);
  }
  // A component picked by its `name` key; its other keys are the fields of that component's own config
  // struct.
  void choice(const std::string& name, ChoiceBase& choice, const std::string& help) {
    visit_choice(name, choice, help);
  }
  // A list of components, each with its `name` and its own fields: [{name: a, x: 1}, {name: b}].
  void choices(const std::string& name, ChoiceListBase& list, const std::string& help) {
    visit_choices(name, list, help);
  }

 protected:
  virtual void visit(const std::string& name, FieldRef value, const std::string& help,
                     const Constraint& allowed) = 0;
  virtual void visit_section(const std::string& name, const std::function<void(Fields&)>& list,
                             const std::string& help) = 0;
  virtual void visit_choice(const std::string& name, ChoiceBase& choice, const std::string& help) = 0;
  virtual void visit_choices(const std::string& name, ChoiceListBase& list, const std::string& help) = 0;
};

// Any struct's field list.
using FieldList = std::function<void(Fields&)>;

// Base of the config structs of components.
struct ConfigStruct {
  virtual ~ConfigStruct() = default;
  virtual void list_fields(Fields& fields) = 0;
};

// A component to be picked by name, seen without its product's type.
class ChoiceBase {
 public:
  virtual ~ChoiceBase() = default;
  virtual std::vector<std::string> names() const = 0;
  virtual std::string summary(const std::string& name) const = 0;
  virtual const std::string& name() const = 0;
  // Picks a component and resets its config to the defaults. `name` must be one of names().
  virtual void select(const std::string& name) = 0;
  virtual ConfigStruct& config() = 0;
};

// Components of one table in a list, seen without their product's type.
class ChoiceListBase {
 public:
  virtual ~ChoiceListBase() = default;
  virtual size_t size() const = 0;
  virtual ChoiceBase& at(size_t i) = 0;
  virtual void clear() = 0;
  // Appends the table's first component with its defaults, to be selected further.
  virtual ChoiceBase& add() = 0;
  // A choice of the same table that is in no list.
  virtual std::unique_ptr<ChoiceBase> example() const = 0;
};

}  // namespace athanor
