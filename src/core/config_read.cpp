// Strict YAML reading: every key must be a field, every value of its type and range, or one line says file,
// line, key, what was expected and what near name exists. Overrides "a.b=c" are put into the tree before it
// is read.
#include <yaml-cpp/yaml.h>

#include <charconv>
#include <cmath>
#include <filesystem>
#include <map>
#include <set>

#include "src/core/config.h"
#include "src/core/config_keys.h"
#include "src/core/constraint.h"
#include "src/core/error.h"
#include "src/core/files.h"
#include "src/core/text.h"

namespace athanor {

namespace {

// Where a value came from: a line of the file, or an override.
struct Place {
  std::string path;
  std::map<std::string, std::string> overrides;  // dotted key -> the override as typed

  std::string of(const std::string& key, const YAML::Node& node) const {
    for (const auto& [name, typed] : overrides)
      if (key == name || key.starts_with(name + ".") || key.starts_with(name + "["))
        return "'" + typed + "' (command line)";
    if (path.empty()) return "config";
    return node.Mark().line >= 0 ? text(path, ":", node.Mark().line + 1) : path;
  }
};

std::string dotted(const std::string& prefix, const std::string& name) {
  return prefix.empty() ? name : prefix + "." + name;
}

std::string shown(const YAML::Node& node) {
  if (node.IsNull()) return "nothing";
  if (node.IsMap()) return "a mapping";
  if (node.IsSequence()) return "a list";
  return "'" + node.Scalar() + "'";
}

template <class T>
bool parse_number(const std::string& scalar, T& value) {
  const auto result = std::from_chars(scalar.data(), scalar.data() + scalar.size(), value);
  return result.ec == std::errc() && result.ptr == scalar.data() + scalar.size();
}

// Each parse returns whether the scalar is of the type; kind_of names the type for messages.
bool parse(const YAML::Node& node, bool& value) {
  if (node.Tag() == "!") return false;
  const std::string& scalar = node.Scalar();
  value = scalar == "true";
  return value || scalar == "false";
}
bool parse(const YAML::Node& node, int64_t& value) {
  if (node.Tag() == "!") return false;
  if (parse_number(node.Scalar(), value)) return true;
  double number = 0;  // 1e6 is an integer too
  if (!parse_number(node.Scalar(), number) || number != std::floor(number) || std::abs(number) > 9e15)
    return false;
  value = static_cast<int64_t>(number);
  return true;
}
bool parse(const YAML::Node& node, double& value) {
  if (node.Tag() == "!") return false;
  return parse_number(node.Scalar(), value) && std::isfinite(value);
}
bool parse(const YAML::Node& node, std::string& value) {
  value = node.Scalar();
  return true;
}
const char* kind_of(const bool&) { return "true or false"; }
const char* kind_of(const int64_t&) { return "an integer"; }
const char* kind_of(const double&) { return "a number"; }
const char* kind_of(const std::string&) { return "text"; }

bool keeps(const Constraint&, bool) { return true; }
bool keeps(const Constraint& allowed, int64_t value) { return holds(allowed, static_cast<double>(value)); }
bool keeps(const Constraint& allowed, double value) { return holds(allowed, value); }
bool keeps(const Constraint& allowed, const std::string& value) { return holds(allowed, value); }

// Reads one mapping of the tree into one list of fields.
class Reader : public Fields {
 public:
  Reader(const YAML::Node& node, std::string prefix, const Place& place)
      : node_(node), prefix_(std::move(prefix)), place_(place) {
    if (!node_.IsNull() && !node_.IsMap())
      throw usage_error({place_.of(prefix_, node_), text("key '", prefix_, "' has the wrong type"),
                         "a mapping of keys", shown(node_), "indent its keys below it"});
  }

  // Throws for the first key that no field has asked for.
  void finish() const {
    if (!node_.IsMap()) return;
    for (const auto& entry : node_) {
      const std::string key = entry.first.Scalar();
      if (known_set_.contains(key)) continue;
      const std::string full = dotted(prefix_, key);
      throw usage_error(
          {place_.of(full, entry.first), "unknown key '" + full + "'", "", "", suggestion(key, known_)});
    }
  }

 protected:
  void visit(const std::string& name, FieldRef value, const std::string&,
             const Constraint& allowed) override {
    const YAML::Node node = child(name);
    if (!node.IsDefined()) return;
    std::visit([&](auto* target) { read(dotted(prefix_, name), node, *target, allowed); }, value);
  }

  void visit_section(const std::string& name, const FieldList& list, const std::string&) override {
    const YAML::Node node = child(name);
    if (!node.IsDefined()) return;
    Reader inner(node, dotted(prefix_, name), place_);
    list(inner);
    inner.finish();
  }

  void visit_choice(const std::string& name, ChoiceBase& choice, const std::string&) override {
    const YAML::Node node = child(name);
    if (!node.IsDefined()) return;
    read_choice(name, dotted(prefix_, name), node, choice);
  }

  void visit_choices(const std::string& name, ChoiceListBase& list, const std::string&) override {
    const YAML::Node node = child(name);
    if (!node.IsDefined()) return;
    const std::string key = dotted(prefix_, name);
    const std::string example = text("e.g. {name: ", list.example()->name(), "}");
    if (!node.IsSequence()) wrong(key, node, text("a list, each ", example));
    list.clear();
    for (size_t i = 0; i < node.size(); ++i) {
      const YAML::Node entry = node[i];
      const std::string at = text(key, "[", i, "]");
      if (!entry.IsMap() || !entry["name"].IsDefined())
        throw usage_error({place_.of(at, entry), "entry '" + at + "' has no name", example, shown(entry),
                           "one of: " + join(list.example()->names(), ", ")});
      read_choice(name, at, entry, list.add());
    }
  }

 private:
  void read_choice(const std::string& name, const std::string& key, const YAML::Node& node,
                   ChoiceBase& choice) const {
    Reader inner(node, key, place_);
    std::string chosen = choice.name();
    inner.field("name", chosen, "", Constraint{});
    const auto names = choice.names();
    if (std::find(names.begin(), names.end(), chosen) == names.end())
      throw usage_error({place_.of(key + ".name", node["name"]), text("unknown ", name, " '", chosen, "'"),
                         "one of: " + join(names, ", "), "",
                         closest(chosen, names).empty() ? "" : suggestion(chosen, names)});
    if (chosen != choice.name()) choice.select(chosen);
    choice.config().list_fields(inner);
    inner.finish();
  }

  YAML::Node child(const std::string& name) {
    known_.push_back(name);
    known_set_.insert(name);
    if (!node_.IsMap()) return YAML::Node(YAML::NodeType::Undefined);
    const YAML::Node& constant = node_;
    return constant[name];
  }

  [[noreturn]] void wrong(const std::string& key, const YAML::Node& node, const std::string& expected,
                          const std::vector<std::string>& known = {}) const {
    const std::string near = node.IsScalar() ? closest(node.Scalar(), known) : "";
    throw usage_error({place_.of(key, node), "wrong value for '" + key + "'", expected, shown(node),
                       near.empty() ? "" : "did you mean '" + near + "'?"});
  }

  template <class T>
  void read(const std::string& key, const YAML::Node& node, T& target, const Constraint& allowed) const {
    T value{};
    if (!node.IsScalar() || !parse(node, value) || !keeps(allowed, value))
      wrong(key, node, constraint_text(allowed, kind_of(value)), allowed.one_of);
    target = value;
  }
  template <class T>
  void read(const std::string& key, const YAML::Node& node, std::vector<T>& target,
            const Constraint& allowed) const {
    if (!node.IsSequence()) wrong(key, node, text("a list, each ", constraint_text(allowed, kind_of(T{}))));
    std::vector<T> values;
    for (size_t i = 0; i < node.size(); ++i) {
      values.emplace_back();
      T one{};
      read(text(key, "[", i, "]"), node[i], one, allowed);
      values.back() = one;
    }
    target = values;
  }
  void read(const std::string& key, const YAML::Node& node, IntMap& target, const Constraint& allowed) const {
    if (!node.IsMap())
      wrong(key, node, text("a mapping from names to ", constraint_text(allowed, "integers")));
    IntMap values;
    for (const auto& entry : node) {
      int64_t value = 0;
      read(dotted(key, entry.first.Scalar()), entry.second, value, allowed);
      values.emplace_back(entry.first.Scalar(), value);
    }
    target = values;
  }

  YAML::Node node_;
  std::string prefix_;
  const Place& place_;
  std::vector<std::string> known_;
  std::set<std::string> known_set_;
};

YAML::Node parse_yaml(const std::string& content, const std::string& where) {
  try {
    return YAML::Load(content);
  } catch (const YAML::ParserException& error) {
    throw usage_error(
        {text(where, ":", error.mark.line + 1), "not valid YAML: " + error.msg, "", "",
         content.find('\t') != std::string::npos ? "YAML is indented with spaces, not tabs" : ""});
  }
}

// yaml-cpp keeps both of two equal keys and reads the first: that would hide a mistake.
void refuse_duplicate_keys(const YAML::Node& node, const std::string& prefix, const Place& place) {
  for (size_t i = 0; node.IsSequence() && i < node.size(); ++i)
    refuse_duplicate_keys(node[i], text(prefix, "[", i, "]"), place);
  if (!node.IsMap()) return;
  std::set<std::string> seen;
  for (const auto& entry : node) {
    const std::string key = dotted(prefix, entry.first.Scalar());
    if (!seen.insert(key).second)
      throw usage_error(
          {place.of(key, entry.first), "key '" + key + "' is given twice", "", "", "keep one of them"});
    refuse_duplicate_keys(entry.second, key, place);
  }
}

// One step down the tree: "name", or "name[1]" into a list that is there.
void enter(YAML::Node& node, const std::string& part, const std::string& typed) {
  const size_t bracket = part.find('[');
  node.reset(node[part.substr(0, bracket)]);
  if (bracket == std::string::npos) return;
  const size_t entries = node.IsSequence() ? node.size() : 0;
  size_t index = 0;
  if (part.back() != ']' || !parse_number(part.substr(bracket + 1, part.size() - bracket - 2), index) ||
      index >= entries)
    throw usage_error({"'" + typed + "'", text("there is no '", part, "' to change"),
                       entries > 0 ? text("an index in [0,", entries - 1, "]") : "",
                       entries > 0 ? "" : "no such list in the config file",
                       "the whole list can be given: key=[...]"});
  node.reset(node[index]);
}

void put_override(const YAML::Node& root, const std::string& typed, Place& place) {
  const size_t equals = typed.find('=');
  if (equals == std::string::npos || equals == 0)
    throw usage_error({"'" + typed + "'", "not an override", "key.sub=value", "", "e.g. optimizer.lr=0.001"});
  const std::string key = typed.substr(0, equals);
  place.overrides[key] = typed;
  YAML::Node node;
  node.reset(root);
  std::string last;
  for (const std::string& part : split(key, '.')) {
    if (node.IsDefined() && !node.IsMap() && !node.IsNull())
      throw usage_error({"'" + typed + "'", text("'", last, "' is a value, not a section"), "", "", ""});
    last = part;
    enter(node, part, typed);
  }
  node = parse_yaml(typed.substr(equals + 1), "'" + typed + "'");
}

// The file's mapping; an empty one where the file holds nothing.
YAML::Node load_root(const Place& place) {
  const std::string& path = place.path;
  if (std::filesystem::is_directory(path)) throw usage_error({path, "is a folder", "a YAML file", "", ""});
  if (!std::filesystem::exists(path))
    throw usage_error({path, "no such config file", "", "", "configs/ holds examples"});
  YAML::Node root = parse_yaml(read_file(path), path);
  if (root.IsNull()) root = YAML::Node(YAML::NodeType::Map);
  if (!root.IsMap()) throw usage_error({path, "not a config", "a mapping of keys", shown(root), ""});
  refuse_duplicate_keys(root, "", place);
  return root;
}

// Collects the names of the fields that it is shown, not of those inside them.
class KeyNames : public Fields {
 public:
  std::vector<std::string> names;

 protected:
  void visit(const std::string& name, FieldRef, const std::string&, const Constraint&) override {
    names.push_back(name);
  }
  void visit_section(const std::string& name, const FieldList&, const std::string&) override {
    names.push_back(name);
  }
  void visit_choice(const std::string& name, ChoiceBase&, const std::string&) override {
    names.push_back(name);
  }
  void visit_choices(const std::string& name, ChoiceListBase&, const std::string&) override {
    names.push_back(name);
  }
};

}  // namespace

void read_config(const std::string& path, const std::vector<std::string>& overrides, const FieldList& list) {
  Place place{path, {}};
  YAML::Node root = path.empty() ? YAML::Node(YAML::NodeType::Map) : load_root(place);
  for (const std::string& typed : overrides) put_override(root, typed, place);
  Reader reader(root, "", place);
  list(reader);
  reader.finish();
}

std::vector<std::string> config_keys(const std::string& path) {
  std::vector<std::string> keys;
  for (const auto& entry : load_root({path, {}})) keys.push_back(entry.first.Scalar());
  return keys;
}

std::vector<std::string> field_keys(const FieldList& list) {
  KeyNames keys;
  list(keys);
  return keys.names;
}

}  // namespace athanor
