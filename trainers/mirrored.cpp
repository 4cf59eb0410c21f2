#include "trainers/mirrored.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/tensor.h>

#include "src/core/error.h"
#include "src/core/text.h"

namespace athanor {
namespace {

Error not_of_pixels(const std::string& where, const std::string& expected, const std::string& got) {
  return usage_error({.where = where,
                      .what = "cannot be mirrored",
                      .expected = expected,
                      .got = got,
                      .hint = "--tta is for models of images and masks"});
}

class Mirrored : public Model {
 public:
  Mirrored(Model& model, const DataSpec& spec) : model_(model) {
    for (const TensorSpec& input : spec.inputs)
      if (input.shape.size() != 3)
        throw not_of_pixels(text("input '", input.name, "'"), "[C,H,W]", shape_text(input.shape));
    if (!spec.class_mirrors.empty()) mirrors_ = at::tensor(spec.class_mirrors);
  }

  TensorMap forward(const TensorMap& inputs) override {
    TensorMap turned;
    for (const auto& [name, image] : inputs) turned.set(name, image.flip({3}));
    TensorMap said = model_.forward(inputs);
    const TensorMap mirrored = model_.forward(turned);
    for (auto& [name, values] : said) values = (values + turned_back(name, mirrored.at(name))) / 2;
    return said;
  }

  TensorMap parameters() const override { return model_.parameters(); }
  TensorMap buffers() const override { return model_.buffers(); }
  void set_training(bool training) override { model_.set_training(training); }
  void to(at::Device device) override { model_.to(device); }
  torch::nn::Module& module() override { return model_.module(); }
  TensorMap state() const override { return model_.state(); }
  void set_state(const TensorMap& state) override { model_.set_state(state); }

 private:
  at::Tensor turned_back(const std::string& name, const at::Tensor& values) {
    if (values.dim() != 4)
      throw not_of_pixels(text("output '", name, "'"), "[B,C,H,W]", shape_text(values.sizes().vec()));
    at::Tensor turned = values.flip({3});
    if (!mirrors_.defined()) return turned;
    mirrors_ = mirrors_.to(values.device());
    return turned.index_select(1, mirrors_);
  }

  Model& model_;
  at::Tensor mirrors_;
};

}  // namespace

std::unique_ptr<Model> average_with_mirror(Model& model, const DataSpec& spec) {
  return std::make_unique<Mirrored>(model, spec);
}

}  // namespace athanor
