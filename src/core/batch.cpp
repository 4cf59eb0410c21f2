// Named tensors and data specs.
#include "src/core/batch.h"

#include "src/core/error.h"
#include "src/core/text.h"

namespace athanor {

void TensorMap::set(const std::string& name, at::Tensor tensor) {
  for (auto& [known, value] : entries_)
    if (known == name) {
      value = std::move(tensor);
      return;
    }
  entries_.emplace_back(name, std::move(tensor));
}

const at::Tensor* TensorMap::find(const std::string& name) const {
  for (const auto& [known, value] : entries_)
    if (known == name) return &value;
  return nullptr;
}

const at::Tensor& TensorMap::at(const std::string& name) const {
  if (const at::Tensor* found = find(name)) return *found;
  throw Error({"", "there is no tensor '" + name + "'", "", "", suggestion(name, names())});
}

std::vector<std::string> TensorMap::names() const {
  std::vector<std::string> all;
  for (const auto& entry : entries_) all.push_back(entry.first);
  return all;
}

namespace {

const TensorSpec* find_spec(const std::vector<TensorSpec>& specs, const std::string& name) {
  for (const TensorSpec& spec : specs)
    if (spec.name == name) return &spec;
  return nullptr;
}

}  // namespace

const TensorSpec* DataSpec::find_input(const std::string& name) const { return find_spec(inputs, name); }
const TensorSpec* DataSpec::find_label(const std::string& name) const { return find_spec(labels, name); }

const char* split_name(Split split) {
  return split == Split::kTrain ? "train" : split == Split::kVal ? "val" : "test";
}

}  // namespace athanor
