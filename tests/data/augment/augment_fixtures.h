// An augmentation read from overrides, as a job's section `augment` is, and batches of noise for it.
#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>

#include <memory>
#include <string>
#include <vector>

#include "data/augment/augmentation.h"
#include "src/core/config.h"
#include "src/core/random.h"

namespace athanor::testing {

struct AugmentSection {
  AugmentationChoice augment{augmentation_components(), "images"};
  void list_fields(Fields& fields) { fields.choice("augment", augment, ""); }
};

// Pictures of 12 x 20 pixels and masks of 4 classes, of which 2 and 3 are each other's mirror images.
inline DataSpec picture_spec(int64_t height = 12, int64_t width = 20) {
  DataSpec spec;
  spec.inputs = {{"image", {3, height, width}, at::kByte}};
  spec.labels = {{"mask", {height, width}, at::kByte}};
  spec.class_names = {"ground", "face", "left", "right"};
  spec.class_mirrors = {0, 1, 3, 2};
  spec.ignore_index = 255;
  return spec;
}

// Overrides below "augment.", e.g. "policy=none", "operations=[{name: flip, p: 1}]".
inline std::unique_ptr<Augmentation> make_augmentation(const std::vector<std::string>& overrides,
                                                       const DataSpec& spec = picture_spec()) {
  std::vector<std::string> full;
  for (const std::string& one : overrides) full.push_back("augment." + one);
  AugmentSection section;
  read_config("", full, fields_of(section));
  return section.augment.make(spec);
}

// Samples `first`, first + 1, …: pixels and classes depend on the sample's number alone.
inline Batch noise_batch(int64_t size, int64_t first = 0, const DataSpec& spec = picture_spec()) {
  const int64_t height = spec.inputs[0].shape[1], width = spec.inputs[0].shape[2];
  Batch batch;
  batch.size = size;
  at::Tensor image = at::empty({size, 3, height, width}, at::kByte);
  at::Tensor mask = at::empty({size, height, width}, at::kByte);
  for (int64_t i = 0; i < size; ++i) {
    Rng rng(static_cast<uint64_t>(first + i));
    auto* pixel = image.select(0, i).mutable_data_ptr<uint8_t>();
    auto* id = mask.select(0, i).mutable_data_ptr<uint8_t>();
    for (int64_t k = 0; k < 3 * height * width; ++k) pixel[k] = static_cast<uint8_t>(rng.below(256));
    for (int64_t k = 0; k < height * width; ++k) id[k] = static_cast<uint8_t>(rng.below(4));
    batch.samples.push_back(first + i);
  }
  batch.inputs.set("image", image);
  batch.labels.set("mask", mask);
  return batch;
}

}  // namespace athanor::testing
