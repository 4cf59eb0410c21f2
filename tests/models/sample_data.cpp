// Shared by the models' tests.
#include "tests/models/sample_data.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <limits>

#include "src/core/config.h"

namespace athanor {

DataSpec small_spec(bool constants) {
  DataSpec spec;
  spec.inputs = {{"M1", {24, 6}}, {"M5", {12, 6}}, {"H1", {7, 6}}};
  spec.labels = {{"direction", {}, at::kLong}, {"magnitude", {}}};
  spec.feature_names = {"a", "b", "c", "d", "e", "f"};
  spec.pip = 0.0001;
  if (!constants) return spec;
  at::manual_seed(3);
  for (const TensorSpec& input : spec.inputs) {
    spec.constants.set("mean/" + input.name, at::randn({6}));
    spec.constants.set("scale/" + input.name, at::rand({6}) + 0.5);
  }
  return spec;
}

DataSpec image_spec(bool constants) {
  DataSpec spec;
  spec.inputs = {{"image", {3, 64, 32}, at::kByte}};
  spec.labels = {{"mask", {64, 32}, at::kByte}};
  spec.class_names = {"background", "skin", "hair"};
  spec.class_colours = {0x000000, 0xCC0000, 0x0000CC};
  if (!constants) return spec;
  spec.constants.set("mean/image", at::tensor({0.5F, 0.4F, 0.3F}));
  spec.constants.set("std/image", at::tensor({0.2F, 0.25F, 0.3F}));
  return spec;
}

DataSpec spec_for(const std::string& model, bool constants) {
  return model == "micro_segformer" ? image_spec(constants) : small_spec(constants);
}

TensorMap random_inputs(const DataSpec& spec, int64_t batch, uint64_t seed) {
  at::manual_seed(seed);
  TensorMap inputs;
  for (const TensorSpec& input : spec.inputs) {
    std::vector<int64_t> shape = {batch};
    shape.insert(shape.end(), input.shape.begin(), input.shape.end());
    inputs.set(input.name,
               input.dtype == at::kByte ? at::randint(0, 256, shape, at::kByte) : at::randn(shape));
  }
  return inputs;
}

std::unique_ptr<Model> build_model(const std::string& name, const std::vector<std::string>& settings,
                                   const DataSpec& spec, uint64_t seed) {
  at::set_num_threads(1);  // small tensors: on a busy machine threads would mostly wait for each other
  at::manual_seed(seed);
  ModelChoice choice(model_components(), name);
  read_config("", settings, fields_of(choice.config()));
  std::unique_ptr<Model> model = choice.make(spec);
  model->set_training(false);
  return model;
}

double max_difference(const at::Tensor& a, const at::Tensor& b) {
  if (a.sizes() != b.sizes()) return std::numeric_limits<double>::infinity();
  return (a.to(at::kDouble) - b.to(at::kDouble)).abs().max().item<double>();
}

}  // namespace athanor
