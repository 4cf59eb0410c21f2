// Shapes, types and names as JSON under the metadata key "data_spec".
#include "trainers/data_spec_file.h"

#include <nlohmann/json.hpp>

#include "src/core/error.h"
#include "src/core/safetensors.h"

namespace athanor {
namespace {

using Json = nlohmann::ordered_json;

constexpr at::ScalarType kTypes[] = {at::kFloat, at::kDouble, at::kLong,     at::kInt,
                                     at::kByte,  at::kBool,   at::kBFloat16, at::kHalf};

Json to_json(const std::vector<TensorSpec>& specs) {
  Json list = Json::array();
  for (const TensorSpec& spec : specs)
    list.push_back({{"name", spec.name}, {"shape", spec.shape}, {"dtype", c10::toString(spec.dtype)}});
  return list;
}

std::vector<TensorSpec> from_json(const Json& list) {
  std::vector<TensorSpec> specs;
  for (const Json& entry : list) {
    TensorSpec spec{entry.at("name"), entry.at("shape")};
    for (const at::ScalarType type : kTypes)
      if (entry.at("dtype") == c10::toString(type)) spec.dtype = type;
    specs.push_back(spec);
  }
  return specs;
}

}  // namespace

void write_data_spec(const std::string& path, const DataSpec& spec) {
  const Json json{{"inputs", to_json(spec.inputs)},      {"labels", to_json(spec.labels)},
                  {"feature_names", spec.feature_names}, {"pip", spec.pip},
                  {"label_overlap", spec.label_overlap}, {"class_names", spec.class_names},
                  {"class_colours", spec.class_colours}, {"ignore_index", spec.ignore_index},
                  {"class_mirrors", spec.class_mirrors}};
  write_safetensors(path, spec.constants, {{"data_spec", json.dump()}});
}

DataSpec read_data_spec(const std::string& path) {
  const Safetensors file = read_safetensors(path);
  DataSpec spec;
  try {
    const Json json = Json::parse(file.metadata.at("data_spec"));
    spec.inputs = from_json(json.at("inputs"));
    spec.labels = from_json(json.at("labels"));
    spec.feature_names = json.at("feature_names");
    spec.pip = json.at("pip");
    spec.label_overlap = json.at("label_overlap");
    spec.class_names = json.at("class_names").get<std::vector<std::string>>();
    spec.class_colours = json.at("class_colours").get<std::vector<int64_t>>();
    spec.ignore_index = json.at("ignore_index");
    spec.class_mirrors = json.at("class_mirrors").get<std::vector<int64_t>>();
  } catch (const std::exception&) {
    throw Error({path, "holds no description of the data"});
  }
  for (const auto& [name, tensor] : file.tensors) spec.constants.set(name, tensor.clone());
  return spec;
}

}  // namespace athanor
