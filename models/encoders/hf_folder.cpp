#include "models/encoders/hf_folder.h"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "src/core/error.h"
#include "src/core/files.h"
#include "src/core/safetensors.h"
#include "src/core/text.h"

namespace athanor {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

Json read_object(const std::string& file) {
  Json json = Json::parse(read_file(file), nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) throw usage_error({file, "not what it should be", "a JSON object"});
  return json;
}

std::string kind_of(const Json& value) {
  const std::string shown = value.dump();
  return shown.size() > 60 ? std::string(value.type_name()) : shown;
}

}  // namespace

HfConfig::HfConfig(const std::string& file) : HfConfig(file, read_object(file)) {}
HfConfig::HfConfig(std::string where, const Json& object)
    : where_(std::move(where)), object_(std::make_unique<Json>(object)) {}
HfConfig::HfConfig(const HfConfig& other) : HfConfig(other.where_, *other.object_) {}
HfConfig::~HfConfig() = default;

const Json* HfConfig::find(const std::string& field) const {
  const auto at = object_->find(field);
  return at == object_->end() || at->is_null() ? nullptr : &*at;
}

void HfConfig::refuse(const std::string& field, const std::string& expected) const {
  const Json* value = find(field);
  throw usage_error({where_ + ": " + field, value == nullptr ? "missing" : "wrong value", expected,
                     value == nullptr ? "" : kind_of(*value)});
}

bool HfConfig::has(const std::string& field) const { return find(field) != nullptr; }

int64_t HfConfig::integer(const std::string& field, int64_t otherwise) const {
  const Json* value = find(field);
  if (value == nullptr) return otherwise;
  if (!value->is_number_integer()) refuse(field, "a whole number");
  return value->get<int64_t>();
}

int64_t HfConfig::size(const std::string& field, int64_t otherwise) const {
  const int64_t value = integer(field, otherwise);
  if (value < 1 || value > INT32_MAX) refuse(field, "a whole number from 1 to 2147483647");
  return value;
}

int64_t HfConfig::size(const std::string& field) const { return size(field, 0); }

double HfConfig::number(const std::string& field, double otherwise) const {
  const Json* value = find(field);
  if (value == nullptr) return otherwise;
  if (!value->is_number()) refuse(field, "a number");
  return value->get<double>();
}

bool HfConfig::flag(const std::string& field, bool otherwise) const {
  const Json* value = find(field);
  if (value == nullptr) return otherwise;
  if (!value->is_boolean()) refuse(field, "true or false");
  return value->get<bool>();
}

std::string HfConfig::word(const std::string& field) const {
  const Json* value = find(field);
  if (value == nullptr || !value->is_string()) refuse(field, "a string");
  return value->get<std::string>();
}

std::string HfConfig::word(const std::string& field, const std::string& otherwise) const {
  return has(field) ? word(field) : otherwise;
}

std::vector<std::string> HfConfig::words(const std::string& field) const {
  const Json* value = find(field);
  if (value == nullptr) return {};
  const auto is_string = [](const Json& item) { return item.is_string(); };
  if (!value->is_array() || !std::all_of(value->begin(), value->end(), is_string))
    refuse(field, "a list of strings");
  return value->get<std::vector<std::string>>();
}

HfConfig HfConfig::section(const std::string& field) const {
  const Json* value = find(field);
  if (value != nullptr && !value->is_object()) refuse(field, "an object");
  return {where_ + ": " + field, value == nullptr ? Json::object() : *value};
}

std::vector<std::string> HfConfig::fields() const {
  std::vector<std::string> names;
  for (const auto& [name, value] : object_->items()) names.push_back(name);
  return names;
}

void HfConfig::expect_known(const std::vector<std::string>& known) const {
  for (const std::string& name : fields())
    if (std::find(known.begin(), known.end(), name) == known.end())
      throw usage_error({where_ + ": " + name, "unknown field", "", "", suggestion(name, known)});
}

HfWeights::HfWeights(const std::string& where, const TensorMap& tensors) : folder_(where) {
  for (const auto& [name, tensor] : tensors) entries_.emplace(name, Entry{tensor, where});
}

HfWeights::HfWeights(const std::string& folder) : folder_(folder) {
  const std::string index = folder + "/model.safetensors.index.json", single = folder + "/model.safetensors";
  if (!fs::exists(index)) {
    if (!fs::exists(single))
      throw usage_error({folder, "no weights there", "model.safetensors or model.safetensors.index.json", "",
                         "pickled weights (.bin) are not read: save them with safe_serialization=True"});
    add_file(single);
    return;
  }
  const Json json = read_object(index);
  const auto map = json.find("weight_map");
  if (map == json.end() || !map->is_object())
    throw usage_error({index + ": weight_map", "not what it should be", "an object of file names"});
  std::set<std::string> files;
  for (const auto& [name, file] : map->items()) {
    if (!file.is_string() || fs::path(file.get<std::string>()).has_parent_path())
      throw usage_error({index + ": " + name, "wrong value", "the name of a file beside it", kind_of(file)});
    files.insert(file.get<std::string>());
  }
  for (const std::string& file : files) {
    if (!fs::exists(folder + "/" + file))
      throw usage_error({folder + "/" + file, "a shard of the weights is missing",
                         text(files.size(), " files that model.safetensors.index.json names")});
    add_file(folder + "/" + file);
  }
  for (const auto& [name, file] : map->items())
    if (!entries_.contains(name))
      throw usage_error({folder + "/" + file.get<std::string>(), "lacks a tensor", name, "",
                         "model.safetensors.index.json says that it is there"});
}

void HfWeights::add_file(const std::string& file) {
  for (const auto& [name, tensor] : read_safetensors(file).tensors)
    if (!entries_.emplace(name, Entry{tensor, file}).second)
      throw usage_error({file, "a tensor that another shard has too", "", name});
}

bool HfWeights::has(const std::string& name) const { return entries_.contains(name); }

at::Tensor HfWeights::take(const std::string& name, at::IntArrayRef shape) {
  const auto at = entries_.find(name);
  if (at == entries_.end()) {
    std::vector<std::string> names;
    for (const auto& [known, entry] : entries_) names.push_back(known);
    throw usage_error({folder_, "lacks a tensor", name, "", suggestion(name, names)});
  }
  const auto& [tensor, file] = at->second;
  if (!tensor.is_floating_point())
    throw usage_error(
        {file + ": " + name, "wrong type", "F32, F16 or BF16", c10::toString(tensor.scalar_type())});
  if (tensor.sizes() != shape)
    throw usage_error({file + ": " + name, "wrong shape", shape_text(shape.vec()),
                       shape_text(tensor.sizes().vec()), "does config.json belong to these weights?"});
  taken_.insert(name);
  return tensor.to(at::kFloat);
}

std::vector<std::string> HfWeights::left_over(const std::vector<std::string>& passed_over) const {
  std::vector<std::string> names;
  for (const auto& [name, entry] : entries_) {
    const auto covers = [&name = name](const std::string& part) {
      return name.starts_with(part) || name.ends_with(part);
    };
    if (!taken_.contains(name) && std::none_of(passed_over.begin(), passed_over.end(), covers))
      names.push_back(name);
  }
  return names;
}

void HfWeights::expect_all_taken(const std::vector<std::string>& passed_over) const {
  const std::vector<std::string> names = left_over(passed_over);
  if (names.empty()) return;
  throw usage_error({folder_,
                     text(names.size(), names.size() == 1 ? " tensor" : " tensors",
                          " that this kind of model does not have"),
                     "", names.front(), "does config.json belong to these weights?"});
}

}  // namespace athanor
