// The field list written out: commented YAML, JSON Schema (draft 2020-12), a Markdown reference.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "src/core/config.h"
#include "src/core/constraint.h"
#include "src/core/text.h"

namespace athanor {

namespace {

using Json = nlohmann::ordered_json;

// Text that YAML would read as something else, or not at all, is quoted.
std::string yaml_text(const std::string& value) {
  const bool plain = !value.empty() && value.find_first_of(":#{}[],&*!|>'\"%@`\n\t\\") == std::string::npos &&
                     value.front() != ' ' && value.back() != ' ' && value.front() != '-' &&
                     value.front() != '?' &&
                     value.find_first_not_of("0123456789.+-eE") != std::string::npos && value != "true" &&
                     value != "false" && value != "null" && value != "~";
  return plain ? value : Json(value).dump();
}

std::string yaml_value(bool value) { return value ? "true" : "false"; }
std::string yaml_value(int64_t value) { return std::to_string(value); }
std::string yaml_value(double value) { return shortest(value); }
std::string yaml_value(const std::string& value) { return yaml_text(value); }
template <class T>
std::string yaml_value(const std::vector<T>& values) {
  std::vector<std::string> parts;
  parts.reserve(values.size());
  for (const T& value : values) parts.push_back(yaml_value(value));
  return "[" + join(parts, ", ") + "]";
}
std::string yaml_value(const IntMap& values) {
  std::vector<std::string> parts;
  for (const auto& [name, value] : values) parts.push_back(yaml_text(name) + ": " + std::to_string(value));
  return "{" + join(parts, ", ") + "}";
}

class YamlWriter : public Fields {
 public:
  std::string out;

 protected:
  void visit(const std::string& name, FieldRef value, const std::string& help, const Constraint&) override {
    const std::string written = std::visit([](auto* target) { return yaml_value(*target); }, value);
    line(name + ": " + written, help);
  }
  void visit_section(const std::string& name, const FieldList& list, const std::string& help) override {
    line(name + ":", help);
    ++depth_;
    list(*this);
    --depth_;
  }
  void visit_choice(const std::string& name, ChoiceBase& choice, const std::string& help) override {
    line(name + ":", help);
    write_choice(choice);
  }
  void visit_choices(const std::string& name, ChoiceListBase& list, const std::string& help) override {
    line(name + (list.size() == 0 ? ": []" : ":"), help);
    ++depth_;
    for (size_t i = 0; i < list.size(); ++i) {
      begins_entry_ = true;
      write_choice(list.at(i));
    }
    --depth_;
  }

 private:
  void write_choice(ChoiceBase& choice) {
    ++depth_;
    line("name: " + choice.name(), choice.summary(choice.name()));
    choice.config().list_fields(*this);
    --depth_;
  }
  void line(std::string content, const std::string& help) {
    content.insert(0, 2 * depth_, ' ');
    if (begins_entry_) content[2 * depth_ - 2] = '-';
    begins_entry_ = false;
    if (!help.empty()) {
      content.resize(std::max<size_t>(content.size() + 2, 40), ' ');
      content += "# " + help;
    }
    out += content + "\n";
  }
  size_t depth_ = 0;
  bool begins_entry_ = false;  // the next line is the first of a list's entry
};

Json type_schema(const bool*) { return {{"type", "boolean"}}; }
Json type_schema(const int64_t*) { return {{"type", "integer"}}; }
Json type_schema(const double*) { return {{"type", "number"}}; }
Json type_schema(const std::string*) { return {{"type", "string"}}; }
void constrain(Json& schema, const Constraint& allowed) {
  if (allowed.minimum) schema[allowed.exclusive_minimum ? "exclusiveMinimum" : "minimum"] = *allowed.minimum;
  if (allowed.maximum) schema[allowed.exclusive_maximum ? "exclusiveMaximum" : "maximum"] = *allowed.maximum;
  if (!allowed.one_of.empty()) schema["enum"] = allowed.one_of;
  if (allowed.not_empty) schema["minLength"] = 1;
}
template <class T>
Json value_schema(T* value, const Constraint& allowed) {
  Json schema = type_schema(value);
  constrain(schema, allowed);
  schema["default"] = *value;
  return schema;
}
template <class T>
Json value_schema(std::vector<T>* values, const Constraint& allowed) {
  Json items = type_schema(static_cast<T*>(nullptr));
  constrain(items, allowed);
  return {{"type", "array"}, {"items", items}, {"default", *values}};
}
Json value_schema(IntMap* values, const Constraint& allowed) {
  Json item = {{"type", "integer"}}, defaults = Json::object();
  constrain(item, allowed);
  for (const auto& [name, value] : *values) defaults[name] = value;
  return {{"type", "object"}, {"additionalProperties", item}, {"default", defaults}};
}

class SchemaWriter : public Fields {
 public:
  Json properties = Json::object();
  Json object() const {
    return {{"type", "object"}, {"properties", properties}, {"additionalProperties", false}};
  }

 protected:
  void visit(const std::string& name, FieldRef value, const std::string& help,
             const Constraint& allowed) override {
    Json schema = std::visit([&](auto* target) { return value_schema(target, allowed); }, value);
    schema["description"] = help;
    properties[name] = schema;
  }
  void visit_section(const std::string& name, const FieldList& list, const std::string& help) override {
    SchemaWriter inner;
    list(inner);
    properties[name] = inner.object();
    properties[name]["description"] = help;
  }
  void visit_choice(const std::string& name, ChoiceBase& choice, const std::string& help) override {
    properties[name] = {{"description", help}, {"oneOf", alternatives(choice, true)}};
  }
  void visit_choices(const std::string& name, ChoiceListBase& list, const std::string& help) override {
    const auto one = list.example();
    properties[name] = {
        {"description", help}, {"type", "array"}, {"items", {{"oneOf", alternatives(*one, false)}}}};
  }

 private:
  // With `has_default`, the chosen one needs no name.
  static Json alternatives(ChoiceBase& choice, bool has_default) {
    Json all = Json::array();
    const std::string chosen = choice.name();
    for (const std::string& alternative : choice.names()) {
      choice.select(alternative);
      SchemaWriter inner;
      choice.config().list_fields(inner);
      Json object = inner.object();
      object["properties"]["name"] = {{"const", alternative}, {"description", choice.summary(alternative)}};
      if (!has_default || alternative != chosen) object["required"] = {"name"};
      all.push_back(object);
    }
    choice.select(chosen);
    return all;
  }
};

std::string kind_text(const FieldRef& value) {
  static const char* const kinds[] = {"bool",        "int",           "float",        "text",
                                      "list of int", "list of float", "list of text", "name: int"};
  return kinds[value.index()];
}

std::string table_cell(std::string cell) {
  for (size_t at = 0; (at = cell.find('|', at)) != std::string::npos; at += 2) cell.insert(at, "\\");
  return cell;
}

class ReferenceWriter : public Fields {
 public:
  explicit ReferenceWriter(std::string prefix) : prefix_(std::move(prefix)) {}
  std::string rows;   // of this table
  std::string later;  // tables that follow it

  std::string table() const {
    return rows.empty() ? later
                        : "| key | type | default | meaning |\n|---|---|---|---|\n" + rows + "\n" + later;
  }

 protected:
  void visit(const std::string& name, FieldRef value, const std::string& help,
             const Constraint& allowed) override {
    const std::string limits = constraint_text(allowed, "");
    rows += text("| `", prefix_, name, "` | ", kind_text(value), " | `",
                 table_cell(std::visit([](auto* target) { return yaml_value(*target); }, value)), "` | ",
                 table_cell(help), limits.empty() ? "" : " (" + table_cell(std::string(trim(limits))) + ")",
                 " |\n");
  }
  void visit_section(const std::string& name, const FieldList& list, const std::string& help) override {
    ReferenceWriter inner(prefix_ + name + ".");
    list(inner);
    later += text("#### `", prefix_, name, "`: ", help, "\n\n", inner.table());
  }
  void visit_choice(const std::string& name, ChoiceBase& choice, const std::string& help) override {
    later += text("#### `", prefix_, name, "`: ", help, "\n\n");
    add_alternatives(prefix_ + name + ".", choice, true);
  }
  void visit_choices(const std::string& name, ChoiceListBase& list, const std::string& help) override {
    later += text("#### `", prefix_, name, "`: ", help, ": a list, each entry one of\n\n");
    add_alternatives(prefix_ + name + "[].", *list.example(), false);
  }

 private:
  void add_alternatives(const std::string& prefix, ChoiceBase& choice, bool has_default) {
    const std::string chosen = choice.name();
    for (const std::string& alternative : choice.names()) {
      choice.select(alternative);
      ReferenceWriter inner(prefix);
      choice.config().list_fields(inner);
      later += text("##### `", prefix, "name: ", alternative, "`",
                    has_default && alternative == chosen ? " (default)" : "", "\n\n",
                    choice.summary(alternative), "\n\n", inner.table());
    }
    choice.select(chosen);
  }

  std::string prefix_;
};

}  // namespace

std::string config_yaml(const FieldList& list) {
  YamlWriter writer;
  list(writer);
  return writer.out;
}

std::string config_schema(const FieldList& list, const std::string& title) {
  SchemaWriter writer;
  list(writer);
  Json schema = writer.object();
  schema["$schema"] = "https://json-schema.org/draft/2020-12/schema";
  schema["title"] = title;
  return schema.dump(2) + "\n";
}

std::string config_reference(const FieldList& list) {
  ReferenceWriter writer("");
  list(writer);
  return writer.table();
}

}  // namespace athanor
