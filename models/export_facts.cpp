// What a program needs to know to call an exported model, and the plain export of its weights.
#include "models/export_facts.h"

#include <nlohmann/json.hpp>

#include "src/core/files.h"
#include "src/core/safetensors.h"

namespace athanor {

std::string dtype_name(at::ScalarType dtype) {
  return dtype == at::kByte ? "uint8" : dtype == at::kLong ? "int64" : "float32";
}

std::string facts_json(const DataSpec& spec, const ExportFacts& facts, const std::vector<std::string>& inputs,
                       const std::vector<std::string>& outputs) {
  nlohmann::ordered_json json;
  json["made_by"] = "athanor";
  json["model"] = facts.model;
  json["step"] = facts.step;
  json["inputs"] = nlohmann::json::array();
  for (const std::string& name : inputs)
    json["inputs"].push_back({{"name", name},
                              {"sample_shape", spec.find_input(name)->shape},
                              {"dtype", dtype_name(spec.find_input(name)->dtype)}});
  json["outputs"] = outputs;
  json["feature_names"] = spec.feature_names;
  json["pip"] = spec.pip;
  if (!spec.class_names.empty()) {
    json["class_names"] = spec.class_names;
    json["class_colours"] = spec.class_colours;
  }
  json["scaler"] = spec.constants.empty() ? "none" : "inside: give raw features";
  json["config_yaml"] = facts.config_yaml;
  return json.dump(2) + "\n";
}

void export_safetensors(const Model& model, const DataSpec& spec, const ExportFacts& facts,
                        const std::string& path) {
  TensorMap weights = model.parameters();
  for (const auto& [name, buffer] : model.buffers()) weights.set(name, buffer);
  std::vector<std::string> inputs;
  for (const TensorSpec& input : spec.inputs) inputs.push_back(input.name);
  const std::string json = facts_json(spec, facts, inputs, {});
  AtomicPath file(path);
  write_safetensors(file.path(), weights, {{"athanor", json}});
  file.commit();
  write_file_atomically(path + ".json", json);
}

}  // namespace athanor
