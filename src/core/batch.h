// What data and models share: named tensors, a batch of samples, and the description of what a dataset gives.
// Dimension letters used everywhere: B batch, T time, F features, D model width, L layers, H heads, C
// classes.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace athanor {

// A small map from names to tensors that keeps its order.
class TensorMap {
 public:
  using Entry = std::pair<std::string, at::Tensor>;

  TensorMap() = default;
  TensorMap(std::initializer_list<Entry> entries) : entries_(entries) {}

  void set(const std::string& name, at::Tensor tensor);
  // Throws Error that lists the known names.
  const at::Tensor& at(const std::string& name) const;
  // nullptr where there is none.
  const at::Tensor* find(const std::string& name) const;
  std::vector<std::string> names() const;
  size_t size() const { return entries_.size(); }
  bool empty() const { return entries_.empty(); }
  auto begin() const { return entries_.begin(); }
  auto end() const { return entries_.end(); }
  auto begin() { return entries_.begin(); }
  auto end() { return entries_.end(); }

 private:
  std::vector<Entry> entries_;
};

// One batch on the training device. Every tensor's first dimension is `size`.
struct Batch {
  TensorMap inputs;  // "M1" [B,480,F] f32, …
  TensorMap labels;  // "direction" [B] i64, "magnitude" [B] f32, …
  at::Tensor time;   // [B] i64 on the CPU, seconds since 1970 UTC; undefined where the data has none
  std::vector<int64_t> samples;  // their numbers within the split
  int64_t size = 0;
  int64_t index = 0;  // place in the epoch
  bool follows_previous =
      false;  // sample i continues sample i of the batch before (ordered data): state may carry
};

struct TensorSpec {
  std::string name;
  std::vector<int64_t> shape;  // of one sample, without the batch dimension
  at::ScalarType dtype = at::kFloat;
};

// What a dataset gives, checked against what a model needs before the first step.
struct DataSpec {
  std::vector<TensorSpec> inputs;
  std::vector<TensorSpec> labels;
  // Facts fitted on the training split that go into the model: "mean/M1" [F] f32, "scale/M1" [F] f32
  // (x-mean)/scale.
  TensorMap constants;
  std::vector<std::string> feature_names;
  double pip = 0;  // price units a pip (0 where prices are no concern)
  // Classes of a mask: name and colour (0xRRGGBB) by id, and the id that counts as no class (-1: none).
  std::vector<std::string> class_names;
  std::vector<int64_t> class_colours;
  int64_t ignore_index = -1;
  // The class that each class becomes in a mirror (left eye, right eye), by id; empty: each stays itself.
  std::vector<int64_t> class_mirrors;
  // Neighbouring samples whose labels share bars: the blocks of a bootstrap. 1: independent.
  int64_t label_overlap = 1;

  const TensorSpec* find_input(const std::string& name) const;
  const TensorSpec* find_label(const std::string& name) const;
};

enum class Split { kTrain, kVal, kTest };
const char* split_name(Split split);

}  // namespace athanor
