// The model as a table for people: modules as an indented tree, the shapes they hold, and parameter counts.
#include <torch/nn/module.h>

#include <algorithm>

#include "models/model.h"
#include "src/core/text.h"

namespace athanor {
namespace {

struct Row {
  std::string module;
  std::string shapes;
  int64_t parameters;
};

std::string grouped(int64_t count) {
  std::string digits = std::to_string(count);
  for (int64_t place = static_cast<int64_t>(digits.size()) - 3; place > 0; place -= 3)
    digits.insert(place, ",");
  return digits;
}

int64_t count_parameters(const torch::nn::Module& module) {
  int64_t count = 0;
  for (const auto& parameter : module.parameters()) count += parameter.numel();
  return count;
}

std::string own_shapes(const torch::nn::Module& module) {
  std::vector<std::string> shapes;
  for (const auto& item : module.named_parameters(/*recurse=*/false))
    shapes.push_back(text(item.key(), " ", shape_text(item.value().sizes().vec())));
  for (const auto& item : module.named_buffers(/*recurse=*/false))
    shapes.push_back(text("(", item.key(), " ", shape_text(item.value().sizes().vec()), ")"));
  return join(shapes, ", ");
}

void add_rows(const torch::nn::Module& module, const std::string& name, size_t depth,
              std::vector<Row>& rows) {
  rows.push_back({std::string(2 * depth, ' ') + name, own_shapes(module), count_parameters(module)});
  for (const auto& child : module.named_children()) add_rows(*child.value(), child.key(), depth + 1, rows);
}

std::string padded(const std::string& cell, size_t width, bool right) {
  const std::string fill(width > cell.size() ? width - cell.size() : 0, ' ');
  return right ? fill + cell : cell + fill;
}

}  // namespace

std::string model_summary(Model& model) {
  std::vector<Row> rows;
  add_rows(model.module(), "model", 0, rows);
  size_t name_width = 6, count_width = 10;
  for (const Row& row : rows) {
    name_width = std::max(name_width, row.module.size());
    count_width = std::max(count_width, grouped(row.parameters).size());
  }
  std::string table = padded("module", name_width, false) + "  " + padded("parameters", count_width, true) +
                      "  shapes (buffers)\n";
  for (const Row& row : rows) {
    table +=
        padded(row.module, name_width, false) + "  " + padded(grouped(row.parameters), count_width, true);
    table += (row.shapes.empty() ? "" : "  " + row.shapes) + "\n";
  }
  return table;
}

int64_t parameter_count(const Model& model) {
  int64_t count = 0;
  for (const auto& [name, parameter] : model.parameters()) count += parameter.numel();
  return count;
}

}  // namespace athanor
