// The multi-timeframe LSTM against PyTorch's own modules: files made by scripts/golden/make_models.py.
#include <ATen/ATen.h>
#include <torch/types.h>

#include <catch2/catch.hpp>

#include "src/core/safetensors.h"
#include "tests/models/sample_data.h"

using namespace athanor;

namespace {

// The tensors under "prefix/".
TensorMap part(const TensorMap& all, const std::string& prefix) {
  TensorMap some;
  for (const auto& [name, tensor] : all)
    if (name.starts_with(prefix)) some.set(name.substr(prefix.size()), tensor);
  return some;
}

at::Tensor mean_loss(const TensorMap& said, const TensorMap& labels) {
  return at::cross_entropy_loss(said.at("direction"), labels.at("direction")) +
         0.5 * at::huber_loss(said.at("magnitude"), labels.at("magnitude"), at::Reduction::Mean, 1.0);
}

at::Tensor attention_loss(const TensorMap& said, const TensorMap& labels) {
  const auto huber = [&](const std::string& name, double delta) {
    return at::huber_loss(said.at(name), labels.at(name), at::Reduction::Mean, delta);
  };
  return 0.40 * at::cross_entropy_loss(said.at("direction"), labels.at("direction")) +
         0.35 * huber("magnitude_scalp", 0.3) + 0.15 * huber("magnitude_swing", 0.5) +
         0.10 * at::mse_loss(said.at("trend"), labels.at("trend"));
}

void load_weights(Model& model, const TensorMap& weights) {
  const torch::NoGradGuard no_grad;
  CATCH_REQUIRE(model.parameters().size() + model.buffers().size() == weights.size());
  for (auto tensors : {model.parameters(), model.buffers()})
    for (auto& [name, tensor] : tensors) tensor.copy_(weights.at(name));
}

}  // namespace

CATCH_TEST_CASE("golden: outputs within 1e-6 and gradients within 1e-5 of PyTorch's, fused and plain",
                "[parity]") {
  for (const std::string fusion : {"mean", "attention"}) {
    const Safetensors file =
        read_safetensors(ATHANOR_SOURCE_DIR "/tests/models/golden/" + fusion + ".safetensors");
    const TensorMap inputs = part(file.tensors, "input/"), labels = part(file.tensors, "label/");
    for (const std::string fused : {"true", "false"}) {
      CATCH_INFO(fusion << ", fused " << fused << ", torch " << file.metadata.at("torch"));
      const auto model = build_model(
          "multi_timeframe_lstm",
          {"fusion=" + fusion, "hidden=16", "ffn=24", "dropout=0", "fused_lstm=" + fused}, small_spec(true));
      load_weights(*model, part(file.tensors, "weight/"));
      model->set_training(true);
      const TensorMap outputs = model->forward(inputs);
      for (const auto& [name, wanted] : part(file.tensors, "output/"))
        CATCH_CHECK(max_difference(outputs.at(name), wanted) < 1e-6);
      (fusion == "mean" ? mean_loss : attention_loss)(outputs, labels).backward();
      const TensorMap grads = part(file.tensors, "grad/");
      for (const auto& [name, parameter] : model->parameters()) {
        CATCH_INFO(name);
        CATCH_CHECK(max_difference(parameter.grad(), grads.at(name)) < 1e-5);
      }
    }
  }
}
