// A Hugging Face model folder: config.json with the defaults of its class, and tensors from model.safetensors
// or the shards of model.safetensors.index.json. Every tensor is asked for by name and shape; what is left
// over at the end is an error, so that no weight is dropped in silence. Left out: pickled weights.
#pragma once

#include <ATen/core/Tensor.h>

#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <set>
#include <string>
#include <vector>

namespace athanor {

class TensorMap;

// One object of a JSON file. Getters without a default throw Error naming file and field where it is missing;
// all throw where it has another type or an impossible value.
class HfConfig {
 public:
  explicit HfConfig(const std::string& file);  // throws Error: no file, no JSON object
  ~HfConfig();
  HfConfig(const HfConfig& other);

  bool has(const std::string& field) const;      // and is not null
  int64_t size(const std::string& field) const;  // 1 to 2^31
  int64_t size(const std::string& field, int64_t otherwise) const;
  int64_t integer(const std::string& field, int64_t otherwise) const;
  double number(const std::string& field, double otherwise) const;
  bool flag(const std::string& field, bool otherwise) const;
  std::string word(const std::string& field) const;
  std::string word(const std::string& field, const std::string& otherwise) const;
  std::vector<std::string> words(const std::string& field) const;  // empty where missing
  HfConfig section(const std::string& field) const;                // an empty object where missing
  std::vector<std::string> fields() const;                         // the names of all
  // Throws Error naming one that is not among these, for files of our own.
  void expect_known(const std::vector<std::string>& known) const;
  const std::string& where() const { return where_; }

  [[noreturn]] void refuse(const std::string& field, const std::string& expected) const;

 private:
  HfConfig(std::string where, const nlohmann::json& object);
  const nlohmann::json* find(const std::string& field) const;
  std::string where_;
  std::unique_ptr<nlohmann::json> object_;
};

class HfWeights {
 public:
  // Maps the files; nothing is copied. Throws Error: none there, a shard missing, a cut file.
  explicit HfWeights(const std::string& folder);
  // These; `where` is their name in errors.
  HfWeights(const std::string& where, const TensorMap& tensors);

  bool has(const std::string& name) const;
  // f32 (converted from f16 or bf16; a view of the file where it is f32). Throws Error: no such tensor, and
  // which are near; another shape; not floating point.
  at::Tensor take(const std::string& name, at::IntArrayRef shape);
  // The names that nobody took, without those that `passed_over` begins or ends.
  std::vector<std::string> left_over(const std::vector<std::string>& passed_over) const;
  // Throws Error naming the first of them.
  void expect_all_taken(const std::vector<std::string>& passed_over) const;

 private:
  struct Entry {
    at::Tensor tensor;
    std::string file;
  };
  void add_file(const std::string& file);
  std::string folder_;
  std::map<std::string, Entry> entries_;
  std::set<std::string> taken_;
};

// A part of the weights: names begin with `prefix`.
class WeightScope {
 public:
  WeightScope(HfWeights& weights, std::string prefix) : weights_(&weights), prefix_(std::move(prefix)) {}
  at::Tensor take(const std::string& name, at::IntArrayRef shape) const {
    return weights_->take(prefix_ + name, shape);
  }
  bool has(const std::string& name) const { return weights_->has(prefix_ + name); }
  WeightScope in(const std::string& name) const { return {*weights_, prefix_ + name + "."}; }

 private:
  HfWeights* weights_;
  std::string prefix_;
};

}  // namespace athanor
