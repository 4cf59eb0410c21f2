// What the models' tests share: a DataSpec of small timeframes, random inputs, and models built by name from
// YAML-like settings.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "models/model.h"

namespace athanor {

// Timeframes "M1" [24,6], "M5" [12,6], "H1" [7,6] (or with these names), with scaling constants where asked.
DataSpec small_spec(bool constants = false);
// Random inputs [batch,…] for every input of `spec`, the same for the same seed.
// Input "image" [3,64,32] u8, label "mask" [64,32] u8, three classes; with constants: mean and std of the
// pixels.
DataSpec image_spec(bool constants = false);

// The data that a registered model's default form takes: images for those that need them.
DataSpec spec_for(const std::string& model, bool constants = false);

TensorMap random_inputs(const DataSpec& spec, int64_t batch, uint64_t seed);
// The model `name` with settings such as "fusion=attention", seeded, in evaluation mode.
std::unique_ptr<Model> build_model(const std::string& name, const std::vector<std::string>& settings,
                                   const DataSpec& spec, uint64_t seed = 7);
// Largest absolute difference; infinity where shapes differ.
double max_difference(const at::Tensor& a, const at::Tensor& b);

}  // namespace athanor
