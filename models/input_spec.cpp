// Checks of a model's inputs against the data's.
#include "models/input_spec.h"

#include "src/core/error.h"
#include "src/core/text.h"

namespace athanor {
namespace {

std::vector<std::string> input_names(const DataSpec& spec) {
  std::vector<std::string> names;
  for (const TensorSpec& input : spec.inputs) names.push_back(input.name);
  return names;
}

}  // namespace

std::vector<TensorSpec> pick_inputs(const DataSpec& spec, const std::vector<std::string>& names, size_t rank,
                                    const std::string& model) {
  const std::vector<std::string> known = input_names(spec);
  const std::vector<std::string>& wanted = names.empty() ? known : names;
  if (wanted.empty()) throw usage_error({.where = "model " + model, .what = "the data gives no inputs"});
  std::vector<TensorSpec> inputs;
  for (const std::string& name : wanted) {
    const TensorSpec* input = spec.find_input(name);
    if (input == nullptr)
      throw usage_error({.where = "model " + model,
                         .what = "the data has no input '" + name + "'",
                         .got = join(known, ", "),
                         .hint = "set model.inputs to inputs that the data gives, or [] for all of them"});
    if (rank != 0 && input->shape.size() != rank)
      throw usage_error({.where = text("model ", model, ", input '", name, "'"),
                         .what = "a sample has the wrong number of dimensions",
                         .expected = rank == 2 ? "[T,F]" : text(rank),
                         .got = shape_text(input->shape)});
    inputs.push_back(*input);
  }
  return inputs;
}

}  // namespace athanor
