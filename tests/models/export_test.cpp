// Exported modules against the models they came from.
#include <ATen/ATen.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/serialization/import.h>
#include <torch/nn/module.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "models/export.h"
#include "src/core/error.h"
#include "src/core/files.h"
#include "src/core/safetensors.h"
#include "tests/models/sample_data.h"

using namespace athanor;

namespace {

// A folder that goes with its test.
struct Folder {
  std::filesystem::path path =
      std::filesystem::temp_directory_path() / ("athanor_export_" + std::to_string(getpid()));
  Folder() { std::filesystem::create_directories(path); }
  ~Folder() { std::filesystem::remove_all(path); }
  std::string file(const std::string& name) const { return (path / name).string(); }
};

struct Case {
  std::string model;
  std::vector<std::string> settings;
};

const std::vector<Case>& cases() {
  static const std::vector<Case> all = {
      {"mlp", {}},
      {"micro_segformer", {"widths=[8,8,16,16]", "decoder=16"}},
      {"multi_timeframe_lstm", {"hidden=32"}},
      {"multi_timeframe_lstm", {"hidden=32", "fusion=attention", "ffn=48", "carry_state=true"}},
      {"multi_timeframe_lstm", {"hidden=20", "layers=1", "layer_norm=always", "inputs=[H1,M1]"}}};
  return all;
}

torch::jit::Stack stack_of(const TensorMap& inputs, const std::vector<std::string>& names) {
  torch::jit::Stack stack;
  for (const std::string& name : names) stack.emplace_back(inputs.at(name));
  return stack;
}

std::vector<std::string> argument_names(const torch::jit::Module& module) {
  std::vector<std::string> names;
  for (const auto& argument : module.get_method("forward").function().getSchema().arguments())
    if (argument.name() != "self") names.push_back(argument.name());
  return names;
}

std::string message_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const std::exception& error) {
    return error.what();
  }
  return "";
}

}  // namespace

CATCH_TEST_CASE("export: the module equals the model within 1e-6 at batch sizes it was not traced with",
                "[unit]") {
  const Folder folder;
  for (const Case& one : cases()) {
    CATCH_INFO(one.model << " " << (one.settings.empty() ? "" : one.settings.back()));
    const DataSpec spec = spec_for(one.model, true);
    const auto model = build_model(one.model, one.settings, spec);
    export_torchscript(*model, spec, {.model = one.model}, folder.file("m.pt"));
    torch::jit::Module module = torch::jit::load(folder.file("m.pt"));
    const auto names = argument_names(module);
    const c10::InferenceMode no_grad;
    for (const int64_t batch : {1, 4, 33}) {
      const TensorMap inputs = random_inputs(spec, batch, batch);
      model->set_state({});
      const auto got = module.forward(stack_of(inputs, names)).toGenericDict();
      for (const auto& [name, wanted] : model->forward(inputs))
        CATCH_CHECK(max_difference(got.at(name).toTensor(), wanted) < 1e-6);
    }
  }
}

CATCH_TEST_CASE("export: the module takes just the inputs that the model reads", "[unit]") {
  const Folder folder;
  const DataSpec spec = small_spec();
  const auto model = build_model("multi_timeframe_lstm", {"hidden=16", "inputs=[H1,M1]"}, spec);
  export_torchscript(*model, spec, {}, folder.file("m.pt"));
  CATCH_CHECK(argument_names(torch::jit::load(folder.file("m.pt"))) == std::vector<std::string>{"M1", "H1"});
}

CATCH_TEST_CASE("export: wrong inputs are refused with the input's name, never run", "[unit]") {
  const Folder folder;
  const DataSpec spec = small_spec();
  const auto model = build_model("multi_timeframe_lstm", {"hidden=16"}, spec);
  export_torchscript(*model, spec, {}, folder.file("m.pt"));
  torch::jit::Module module = torch::jit::load(folder.file("m.pt"));
  const at::Tensor m1 = at::zeros({4, 24, 6}), m5 = at::zeros({4, 12, 6}), h1 = at::zeros({4, 7, 6});
  const auto message = [&](const at::Tensor& a, const at::Tensor& b, const at::Tensor& c) {
    return message_of([&] { module.forward({a, b, c}); });
  };
  CATCH_CHECK(message(m1, m5, h1).empty());
  CATCH_CHECK_THAT(message(m1, at::zeros({3, 12, 6}), h1),
                   Catch::Contains("'M5': expected as many samples as 'M1'"));
  CATCH_CHECK_THAT(message(at::zeros({4, 23, 6}), m5, h1),
                   Catch::Contains("'M1': expected [B,24,6], got [4, 23, 6]"));
  CATCH_CHECK_THAT(message(m1, m5, at::zeros({4, 7, 5})), Catch::Contains("'H1': expected [B,7,6]"));
  CATCH_CHECK_THAT(message(at::zeros({24, 6}), m5, h1),
                   Catch::Contains("'M1': expected [B,24,6], got [24, 6]"));
  CATCH_CHECK_THAT(message(m1, m5.to(at::kDouble), h1), Catch::Contains("'M5': expected float32"));
  CATCH_CHECK_THAT(message(at::zeros({0, 24, 6}), m5, h1),
                   Catch::Contains("'M1': expected at least one sample"));
}

CATCH_TEST_CASE("export: the scaler is inside, and the facts come with the module", "[unit]") {
  const Folder folder;
  DataSpec spec = small_spec(true);
  const auto model = build_model("multi_timeframe_lstm", {"hidden=16"}, spec);
  export_torchscript(*model, spec, {.model = "multi_timeframe_lstm", .step = 12}, folder.file("m.pt"));
  torch::jit::ExtraFilesMap extra = {{"athanor.json", ""}};
  const torch::jit::Module module = torch::jit::load(folder.file("m.pt"), c10::nullopt, extra);
  CATCH_CHECK(extra["athanor.json"] == read_file(folder.file("m.pt.json")));
  const auto facts = nlohmann::json::parse(extra["athanor.json"]);
  CATCH_CHECK(facts["inputs"][0]["name"] == "M1");
  CATCH_CHECK(facts["inputs"][0]["sample_shape"] == std::vector<int64_t>{24, 6});
  CATCH_CHECK(facts["outputs"] == std::vector<std::string>{"direction", "magnitude"});
  CATCH_CHECK(facts["feature_names"] == spec.feature_names);
  CATCH_CHECK(facts["step"] == 12);
  int64_t buffers = 0;
  for (const auto& item : module.named_buffers()) buffers += item.name.ends_with("scaler_M1.mean");
  CATCH_CHECK(buffers == 1);
}

CATCH_TEST_CASE("export: a module of images takes uint8 pixels alone, and its facts name the classes",
                "[unit]") {
  const Folder folder;
  const DataSpec spec = image_spec(true);
  const auto model = build_model("micro_segformer", {"widths=[8,8,16,16]", "decoder=16"}, spec);
  export_torchscript(*model, spec, {.model = "micro_segformer"}, folder.file("m.pt"));
  torch::jit::Module module = torch::jit::load(folder.file("m.pt"));
  const auto message = [&](const at::Tensor& image) { return message_of([&] { module.forward({image}); }); };
  CATCH_CHECK(message(at::zeros({2, 3, 64, 32}, at::kByte)).empty());
  CATCH_CHECK_THAT(message(at::zeros({2, 3, 64, 32})), Catch::Contains("'image': expected uint8"));
  CATCH_CHECK_THAT(message(at::zeros({2, 3, 64, 64}, at::kByte)), Catch::Contains("expected [B,3,64,32]"));
  const auto facts = nlohmann::json::parse(read_file(folder.file("m.pt.json")));
  CATCH_CHECK(facts["inputs"][0]["dtype"] == "uint8");
  CATCH_CHECK(facts["class_names"] == spec.class_names);
}

CATCH_TEST_CASE("export: nothing is left where it cannot be written", "[unit]") {
  const DataSpec spec = small_spec();
  const auto model = build_model("mlp", {}, spec);
  const Folder folder;
  CATCH_CHECK_THROWS_AS(export_torchscript(*model, spec, {}, folder.file("absent/m.pt")), Error);
  CATCH_CHECK(std::filesystem::is_empty(folder.path));
}

CATCH_TEST_CASE("export: safetensors hold every parameter and buffer", "[unit]") {
  const Folder folder;
  const DataSpec spec = small_spec(true);
  const auto model = build_model("multi_timeframe_lstm", {"hidden=16"}, spec);
  export_safetensors(*model, spec, {.model = "multi_timeframe_lstm"}, folder.file("m.safetensors"));
  const Safetensors read = read_safetensors(folder.file("m.safetensors"));
  CATCH_CHECK(read.tensors.size() == model->parameters().size() + model->buffers().size());
  for (const auto& [name, parameter] : model->parameters())
    CATCH_CHECK(max_difference(read.tensors.at(name), parameter) == 0);
  CATCH_CHECK(read.metadata.at("athanor") == read_file(folder.file("m.safetensors.json")));
}
