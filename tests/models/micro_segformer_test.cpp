// MicroSegFormer: the source project's sizes, what it does with pixels, and PyTorch's numbers
// (scripts/golden/make_segmentation.py).
#include <ATen/ATen.h>
#include <torch/types.h>

#include <catch2/catch.hpp>

#include "src/core/error.h"
#include "src/core/safetensors.h"
#include "tests/models/sample_data.h"

using namespace athanor;

namespace {

DataSpec faces_spec() {
  DataSpec spec = image_spec();
  spec.inputs = {{"image", {3, 512, 512}, at::kByte}};
  spec.class_names.resize(19);
  return spec;
}

// Cross entropy + 1.5 (1 - mean Dice) over the pixels that are not 255, written out.
at::Tensor golden_loss(const at::Tensor& logits, const at::Tensor& mask) {
  const at::Tensor counts = mask.ne(255), truth = mask.to(at::kLong);
  const at::Tensor rows = logits.movedim(1, -1).index({counts}), classes = truth.index({counts});
  const at::Tensor said = at::softmax(rows, 1), is = at::one_hot(classes, logits.size(1)).to(at::kFloat);
  const at::Tensor dice = (2 * (said * is).sum(0) + 1) / (said.sum(0) + is.sum(0) + 1);
  return at::cross_entropy_loss(rows, classes) + 1.5 * (1 - dice.mean());
}

}  // namespace

CATCH_TEST_CASE("micro_segformer: 1,747,923 parameters with LMSA, 1,721,939 without", "[unit]") {
  const auto with = build_model("micro_segformer", {}, faces_spec());
  const auto without = build_model("micro_segformer", {"use_lmsa=false"}, faces_spec());
  CATCH_CHECK(parameter_count(*with) == 1'747'923);
  CATCH_CHECK(parameter_count(*without) == 1'721'939);
}

CATCH_TEST_CASE("micro_segformer: logits within 1e-5 and gradients within 1e-5 of PyTorch's", "[parity]") {
  const Safetensors file =
      read_safetensors(ATHANOR_SOURCE_DIR "/tests/models/golden/micro_segformer.safetensors");
  DataSpec spec = image_spec();
  spec.inputs = {{"image", {3, 64, 96}, at::kByte}};
  spec.class_names.resize(5);
  for (const std::string form : {"lmsa", "plain"}) {
    CATCH_INFO(form << ", torch " << file.metadata.at("torch"));
    const auto model = build_model("micro_segformer",
                                   {"widths=[8,12,16,20]", "depths=[1,2,1,1]", "decoder=16",
                                    form == "lmsa" ? "use_lmsa=true" : "use_lmsa=false"},
                                   spec);
    {
      const torch::NoGradGuard no_grad;
      for (auto tensors : {model->parameters(), model->buffers()})
        for (auto& [name, tensor] : tensors) tensor.copy_(file.tensors.at(form + "/weight/" + name));
    }
    model->set_training(true);
    const at::Tensor logits = model->forward({{"image", file.tensors.at("image")}}).at("logits");
    const at::Tensor some = logits.slice(2, 0, at::nullopt, 8).slice(3, 0, at::nullopt, 8);
    CATCH_CHECK(max_difference(some, file.tensors.at(form + "/output")) < 1e-5);
    const at::Tensor loss = golden_loss(logits, file.tensors.at("mask"));
    CATCH_CHECK(max_difference(loss, file.tensors.at(form + "/loss")) < 1e-5);
    loss.backward();
    for (const auto& [name, parameter] : model->parameters()) {
      CATCH_INFO(name);
      CATCH_CHECK(max_difference(parameter.grad(), file.tensors.at(form + "/grad/" + name)) < 1e-5);
    }
  }
}

CATCH_TEST_CASE("micro_segformer: uint8 is normalised inside, floating point comes normalised", "[unit]") {
  const DataSpec spec = image_spec(true);
  const auto model = build_model("micro_segformer", {}, spec);
  const at::Tensor image = random_inputs(spec, 2, 4).at("image");
  const at::Tensor normal = (image.to(at::kFloat) / 255 - spec.constants.at("mean/image").view({3, 1, 1})) /
                            spec.constants.at("std/image").view({3, 1, 1});
  const at::Tensor inside = model->forward({{"image", image}}).at("logits");
  CATCH_CHECK(max_difference(inside, model->forward({{"image", normal}}).at("logits")) < 1e-5);
  CATCH_CHECK(max_difference(inside, model->forward({{"image", normal * 2}}).at("logits")) > 1e-3);
}

CATCH_TEST_CASE("micro_segformer: data that it cannot take is refused with a reason", "[unit]") {
  const auto message = [](const DataSpec& spec, const std::vector<std::string>& settings) -> std::string {
    try {
      build_model("micro_segformer", settings, spec);
    } catch (const Error& error) {
      CATCH_CHECK(error.exit_code() == ExitCode::kUsage);
      return error.what();
    }
    return "";
  };
  DataSpec odd = image_spec(), unnamed = image_spec();
  odd.inputs = {{"image", {3, 100, 96}, at::kByte}};
  unnamed.class_names.clear();
  CATCH_CHECK_THAT(message(odd, {}), Catch::Contains("multiples of 32") && Catch::Contains("[3,100,96]"));
  CATCH_CHECK_THAT(message(unnamed, {}), Catch::Contains("no classes"));
  CATCH_CHECK_THAT(message(small_spec(), {}), Catch::Contains("no classes"));
  CATCH_CHECK_THAT(message(image_spec(), {"depths=[1,2]"}), Catch::Contains("one value a stage"));
}
