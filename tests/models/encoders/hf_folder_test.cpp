// Folders that are not what they should be: each is answered by the file, the place and what was expected.
#include "models/encoders/hf_folder.h"

#include <ATen/ATen.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "models/encoders/tower.h"
#include "src/core/error.h"
#include "src/core/files.h"
#include "src/core/safetensors.h"

using namespace athanor;
using Catch::Matchers::Contains;

namespace {

namespace fs = std::filesystem;

const std::string kGolden = ATHANOR_SOURCE_DIR "/tests/models/golden/towers/";

// A copy of a golden folder that a test may spoil.
class Copy {
 public:
  explicit Copy(const std::string& name) {
    std::string pattern = (fs::temp_directory_path() / "athanor-XXXXXX").string();
    path_ = std::string(mkdtemp(pattern.data())) + "/model";
    fs::copy(kGolden + name, path_);
  }
  ~Copy() { fs::remove_all(fs::path(path_).parent_path()); }
  Copy(const Copy&) = delete;
  Copy& operator=(const Copy&) = delete;
  std::string file(const std::string& name) const { return path_ + "/" + name; }

  void change_config(const std::string& field, const nlohmann::json& value) const {
    auto config = nlohmann::json::parse(read_file(file("config.json")));
    if (value.is_discarded()) {
      config.erase(field);
    } else {
      config[field] = value;
    }
    std::ofstream(file("config.json")) << config.dump();
  }
  // change(tensors) of model.safetensors.
  template <class Change>
  void change_weights(const Change& change) const {
    TensorMap tensors;
    for (const auto& [name, tensor] : read_safetensors(file("model.safetensors")).tensors)
      tensors.set(name, tensor.clone());
    change(tensors);
    write_safetensors(file("model.safetensors"), tensors);
  }
  std::string error() const {
    try {
      read_towers(path_);
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  }

 private:
  std::string path_;
};

}  // namespace

CATCH_TEST_CASE("model folders: weights that are missing or do not fit are named", "[unit]") {
  const Copy shards("bert");
  fs::remove(shards.file("model-00002-of-00004.safetensors"));
  CATCH_CHECK_THAT(shards.error(), Contains("model-00002-of-00004.safetensors") && Contains("shard"));

  const Copy bert("bert_without_pooler");
  const std::string name = "encoder.layer.1.output.dense.weight";
  bert.change_weights([&](TensorMap& tensors) { tensors.set(name, at::zeros({24, 41})); });
  CATCH_CHECK_THAT(bert.error(),
                   Contains(name + ": wrong shape") && Contains("[24,40]") && Contains("[24,41]"));
  bert.change_weights([&](TensorMap& tensors) { tensors.set(name, at::zeros({24, 40}, at::kLong)); });
  CATCH_CHECK_THAT(bert.error(), Contains(name + ": wrong type") && Contains("F32, F16 or BF16"));
  bert.change_weights([&](TensorMap& tensors) {
    tensors.set(name, at::zeros({24, 40}));
    tensors.set("encoder.layer.2.output.dense.weight", at::zeros({1}));
  });
  CATCH_CHECK_THAT(bert.error(), Contains("1 tensor that this kind of model does not have") &&
                                     Contains("encoder.layer.2.output.dense.weight"));

  const Copy clip("clip_vision");
  clip.change_config("num_hidden_layers", 3);
  CATCH_CHECK_THAT(clip.error(), Contains("lacks a tensor") && Contains("encoder.layers.2."));
  fs::resize_file(clip.file("model.safetensors"), 100);
  CATCH_CHECK_THAT(clip.error(), Contains("model.safetensors") && Contains("cut"));
  fs::remove(clip.file("model.safetensors"));
  CATCH_CHECK_THAT(clip.error(), Contains("no weights there"));
}

CATCH_TEST_CASE("model folders: fields that are missing, wrong or not known are named", "[unit]") {
  const auto removed = nlohmann::json(nlohmann::json::value_t::discarded);
  const auto error_with = [&](const std::string& field, const nlohmann::json& value) {
    const Copy bert("bert");
    bert.change_config(field, value);
    return bert.error();
  };
  CATCH_CHECK_THAT(error_with("model_type", removed), Contains("config.json: model_type: missing"));
  CATCH_CHECK_THAT(error_with("model_type", "gpt2"),
                   Contains("expected bert, xlm-roberta") && Contains("gpt2"));
  CATCH_CHECK_THAT(error_with("hidden_size", -1), Contains("hidden_size") && Contains("got -1"));
  CATCH_CHECK_THAT(error_with("hidden_size", "24"), Contains("a whole number"));
  CATCH_CHECK_THAT(error_with("num_attention_heads", 5), Contains("a divisor of hidden_size"));
  CATCH_CHECK_THAT(error_with("hidden_act", "mish"), Contains("hidden_act") && Contains("mish"));
  CATCH_CHECK_THAT(error_with("position_embedding_type", "relative_key"), Contains("expected absolute"));
  const Copy broken("bert");
  std::ofstream(broken.file("config.json")) << "{";
  CATCH_CHECK_THAT(broken.error(), Contains("config.json") && Contains("a JSON object"));
  std::ofstream(broken.file("model.safetensors.index.json"))
      << R"({"weight_map": {"a": "../b.safetensors"}})";
  std::ofstream(broken.file("config.json")) << R"({"model_type": "bert"})";
  CATCH_CHECK_THAT(broken.error(), Contains("the name of a file beside it"));
}

CATCH_TEST_CASE("model folders: half-precision weights are read as f32", "[unit]") {
  const Copy half("blip_vision");
  half.change_weights([](TensorMap& tensors) {
    TensorMap halves;
    for (const auto& [name, tensor] : tensors) halves.set(name, tensor.to(at::kHalf));
    tensors = halves;
  });
  const Towers towers = read_towers(fs::path(half.file("x")).parent_path());
  for (const at::Tensor& parameter : towers.vision->parameters())
    CATCH_CHECK(parameter.scalar_type() == at::kFloat);
}
