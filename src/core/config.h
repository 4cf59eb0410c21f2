// YAML files to config structs and back, by the one list of fields (core/fields.h): strict reading with file,
// line and suggestion, `a.b=c` overrides, commented output, JSON Schema (draft 2020-12), a Markdown
// reference.
#pragma once

#include <string>
#include <vector>

#include "src/core/fields.h"

namespace athanor {

// Reads the YAML file `path` ("" for none), applies overrides like "optimizer.lr=1e-3" (values are YAML), and
// fills the fields. Throws usage Error with file and line for unknown keys, wrong types and values out of
// range.
void read_config(const std::string& path, const std::vector<std::string>& overrides, const FieldList& list);

// The values as YAML, each with its help as a comment. Reading it back gives the same values, bit for bit.
std::string config_yaml(const FieldList& list);

// The JSON Schema that editors (yaml-language-server) use; choices become one alternative a component.
std::string config_schema(const FieldList& list, const std::string& title);

// A Markdown table of keys, types, defaults and meanings; choices get a heading a component.
std::string config_reference(const FieldList& list);

template <class Struct>
FieldList fields_of(Struct& config) {
  return [&config](Fields& fields) { config.list_fields(fields); };
}

}  // namespace athanor
