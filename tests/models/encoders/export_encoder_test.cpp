// Exported encoders against transformers: tests/models/golden/towers, written by
// scripts/golden/make_towers.py.
#include "models/encoders/export_encoder.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/serialization/import.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "src/core/error.h"
#include "src/core/files.h"
#include "src/core/text.h"
#include "tests/models/encoders/golden_cases.h"

using namespace athanor;
using Catch::Matchers::Contains;

namespace {

// A file that goes with its test.
struct Exported {
  std::string path =
      std::filesystem::temp_directory_path() / text("athanor_export_encoder_", ::getpid(), ".pt");
  torch::jit::Module module;

  Exported(const std::string& name, InputKind input) {
    const Encoder encoder(kGolden + name);
    export_encoder(encoder, kGolden + name, input, path);
    module = torch::jit::load(path);
  }
  ~Exported() {
    std::filesystem::remove(path);
    std::filesystem::remove(path + ".json");
  }
  c10::Dict<c10::IValue, c10::IValue> run(const torch::jit::Stack& inputs) {
    return module.forward(inputs).toGenericDict();
  }
  nlohmann::json facts() const { return nlohmann::json::parse(read_file(path + ".json")); }
  std::string refusal(const torch::jit::Stack& inputs) {
    try {
      module.forward(inputs);
    } catch (const std::exception& error) {
      return error.what();
    }
    return "";
  }
};

at::Tensor normalized(const at::Tensor& x) { return x / x.norm(2, -1, true); }

}  // namespace

CATCH_TEST_CASE("export: exported towers equal transformers' at shapes that they were not traced with",
                "[unit]") {
  const c10::InferenceMode no_gradients;
  for (const char* name : {"bert", "bert_without_pooler", "xlm_roberta", "clip_text", "clip_text_old",
                           "siglip_text", "modernbert", "clip_vision", "siglip_vision", "blip_vision"}) {
    const bool is_text = !std::string(name).ends_with("vision");
    Exported exported(name, is_text ? InputKind::kTexts : InputKind::kImages);
    const Cases cases(name);
    for (int i = 0; i < 6; ++i) {
      CATCH_INFO(name << ", case " << i);
      const at::Tensor mask = cases.get(i, "mask"), pooled = cases.get(i, "pooled");
      const auto got =
          is_text ? exported.run({cases.get(i, "ids"), mask}) : exported.run({cases.get(i, "pixels")});
      const at::Tensor hidden = got.at("hidden").toTensor();
      CATCH_CHECK(largest_difference(is_text ? hidden * mask.unsqueeze(-1) : hidden, cases.get(i, "hidden")) <
                  1e-5);
      CATCH_CHECK(got.contains("pooled") == pooled.defined());
      if (pooled.defined()) CATCH_CHECK(largest_difference(got.at("pooled").toTensor(), pooled) < 1e-5);
    }
  }
}

CATCH_TEST_CASE("export: each side of CLIP is a file, with the vectors of the shared space", "[unit]") {
  const c10::InferenceMode no_gradients;
  const Cases cases("clip");
  {
    Exported texts("clip", InputKind::kTexts);
    for (int i = 0; i < 6; ++i) {
      const auto got = texts.run({cases.get(i, "ids"), cases.get(i, "mask")});
      CATCH_CHECK(largest_difference(got.at("vectors").toTensor(), normalized(cases.get(i, "text_vectors"))) <
                  1e-5);
    }
    for (const auto& parameter : texts.module.named_parameters())
      CATCH_CHECK_THAT(parameter.name, !Contains("vision"));
  }
  Exported images("clip", InputKind::kImages);
  for (int i = 0; i < 6; ++i) {
    const auto got = images.run({cases.get(i, "pixels")});
    CATCH_CHECK(largest_difference(got.at("vectors").toTensor(), normalized(cases.get(i, "image_vectors"))) <
                1e-5);
  }
}

CATCH_TEST_CASE("export: an exported ColModernVBERT makes vectors of tokens, with images among them",
                "[unit]") {
  const c10::InferenceMode no_gradients;
  const Cases cases("colmodernvbert");
  for (const bool with_images : {false, true}) {
    Exported exported("colmodernvbert", with_images ? InputKind::kPairs : InputKind::kTexts);
    for (int i = with_images ? 1 : 0; i < 8; i += 2) {
      CATCH_INFO("case " << i);
      torch::jit::Stack inputs{cases.get(i, "ids"), cases.get(i, "mask")};
      if (with_images) inputs.emplace_back(cases.get(i, "pixels"));
      const at::Tensor got = exported.run(inputs).at("token_vectors").toTensor();
      CATCH_CHECK(largest_difference(got, cases.get(i, "vectors")) < 1e-5);
    }
    if (!with_images) continue;
    const at::Tensor none = at::full_like(cases.get(1, "ids"), 5);
    CATCH_CHECK_THAT(exported.refusal({none, cases.get(1, "mask"), cases.get(1, "pixels")}),
                     Contains("'pixel_values': expected an image for each 4 tokens 60"));
  }
}

CATCH_TEST_CASE("export: both encoders make vectors of pairs in one file", "[unit]") {
  const c10::InferenceMode no_gradients;
  const std::string golden = ATHANOR_SOURCE_DIR "/tests/models/golden/encoders/";
  for (const char* name : {"colvbert", "colmodernvbert"}) {
    CATCH_INFO(name);
    const Encoder encoder(golden + name);
    Exported exported("../encoders/" + std::string(name), InputKind::kPairs);
    const int64_t size = encoder.vision().image_size(),
                  length = encoder.text().is_full_length() ? encoder.text().longest() : 9;
    EncoderBatch batch{.ids = at::randint(3, 60, {4, length}, at::kLong),
                       .pixels = at::randn({4, 3, size, size})};
    batch.mask = at::ones_like(batch.ids);
    const auto got = exported.run({batch.ids, batch.mask, batch.pixels});
    CATCH_REQUIRE(got.size() == 2);
    for (const auto& [output, mode] :
         {std::pair("vectors", VectorMode::kSingle), {"token_vectors", VectorMode::kMulti}}) {
      const at::Tensor want = encoder.forward(InputKind::kPairs, batch, mode, VectorKind::kEncoder);
      CATCH_CHECK(largest_difference(got.at(output).toTensor(), want) < 1e-5);
    }
  }
}

CATCH_TEST_CASE("export: facts name lengths and sizes, and wrong inputs are refused by name", "[unit]") {
  Exported texts("siglip_text", InputKind::kTexts);
  const auto facts = texts.facts();
  CATCH_CHECK(facts["model"] == "siglip_text");
  CATCH_CHECK(facts["longest"] == 18);
  CATCH_CHECK(facts["pad_to_longest"] == true);
  CATCH_CHECK(facts["outputs"][1]["name"] == "pooled");
  CATCH_CHECK(facts["outputs"][1]["width"] == 10);
  const at::Tensor ids = at::ones({2, 18}, at::kLong);
  CATCH_CHECK(texts.refusal({ids, ids}).empty());
  CATCH_CHECK_THAT(texts.refusal({at::ones({2, 19}, at::kLong), ids}),
                   Contains("'input_ids': expected [B,L], of 1 to 18 tokens, got [2, 19]"));
  CATCH_CHECK_THAT(texts.refusal({ids, ids.narrow(1, 0, 3)}),
                   Contains("'attention_mask': expected the size of 'input_ids'"));
  CATCH_CHECK_THAT(texts.refusal({ids.to(at::kFloat), ids}), Contains("'input_ids': expected int64"));
  Exported images("blip_vision", InputKind::kImages);
  CATCH_CHECK_THAT(images.refusal({at::ones({1, 3, 24, 23})}),
                   Contains("'pixel_values': expected [B,3,23,23]"));
}
