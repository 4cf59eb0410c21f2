// The two encoders against a plain composition of PyTorch layers on transformers' towers:
// tests/models/golden/encoders, written by scripts/golden/make_encoders.py.
#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "models/encoders/encoder.h"
#include "src/core/files.h"
#include "src/core/safetensors.h"
#include "src/core/text.h"

using namespace athanor;

namespace {

namespace fs = std::filesystem;
using Catch::Matchers::Contains;

const std::string kGolden = ATHANOR_SOURCE_DIR "/tests/models/golden/encoders/";
constexpr const char* kFolders[] = {"colvbert",       "colvbert_other",       "colvbert_wide",
                                    "colmodernvbert", "colmodernvbert_other", "colmodernvbert_wide"};

double largest_difference(const at::Tensor& got, const at::Tensor& want) {
  CATCH_REQUIRE(got.sizes() == want.sizes());
  return (got - want).abs().max().item<double>();
}

EncoderBatch batch_of(const TensorMap& cases, int i) {
  const auto get = [&](const char* key) { return cases.at(text(i, "/", key)); };
  return {get("ids"), get("mask"), get("counts"), get("pixels").to(at::kFloat)};
}

struct Output {
  const char* key;
  InputKind input;
  VectorMode mode;
};
constexpr Output kOutputs[] = {
    {"text", InputKind::kTexts, VectorMode::kSingle},   {"texts", InputKind::kTexts, VectorMode::kMulti},
    {"image", InputKind::kImages, VectorMode::kSingle}, {"images", InputKind::kImages, VectorMode::kMulti},
    {"pair", InputKind::kPairs, VectorMode::kSingle},   {"pairs", InputKind::kPairs, VectorMode::kMulti}};

// With 0 where padding is: what it becomes is nobody's business.
at::Tensor vectors_of(const Encoder& encoder, const Output& output, const EncoderBatch& batch) {
  const at::Tensor got = encoder.forward(output.input, batch, output.mode, VectorKind::kEncoder);
  const bool per_token = output.mode == VectorMode::kMulti && output.input != InputKind::kImages;
  return per_token ? got * batch.counts.unsqueeze(-1) : got;
}

// A copy of the golden folders that may be spoiled.
std::string copied() {
  const std::string to =
      (fs::temp_directory_path() / ("athanor_two_towers_" + std::to_string(::getpid()))).string();
  fs::remove_all(to);
  fs::copy(kGolden, to, fs::copy_options::recursive);
  return to;
}

void write(const std::string& file, const std::string& content) { std::ofstream(file) << content; }

}  // namespace

CATCH_TEST_CASE("two towers: texts, images and pairs equal PyTorch's layers, packed or not", "[unit]") {
  const c10::InferenceMode no_gradients;
  for (const char* name : kFolders) {
    Encoder encoder(kGolden + name);
    const TensorMap cases = read_safetensors(kGolden + name + "/cases.safetensors").tensors;
    int seen = 0;
    for (const bool packed : {false, true}) {
      if (packed) encoder.prepare(at::kCPU);
      for (int i = 0; cases.find(text(i, "/ids")) != nullptr; ++i, ++seen)
        for (const Output& output : kOutputs) {
          CATCH_INFO(name << ", case " << i << ", " << output.key << (packed ? ", packed" : ""));
          const at::Tensor got = vectors_of(encoder, output, batch_of(cases, i));
          CATCH_CHECK(largest_difference(got, cases.at(text(i, "/", output.key))) < 1e-5);
          CATCH_CHECK(got.size(-1) == encoder.width(output.input, output.mode, VectorKind::kEncoder));
        }
    }
    CATCH_CHECK(seen >= 2);
  }
}

CATCH_TEST_CASE("two towers: a vector does not depend on its batch nor on the padding", "[unit]") {
  const c10::InferenceMode no_gradients;
  for (const char* name : {"colvbert", "colvbert_other", "colmodernvbert", "colmodernvbert_other"}) {
    Encoder encoder(kGolden + name);
    encoder.prepare(at::kCPU);
    const bool is_full = encoder.text().is_full_length();
    const int64_t length = 9, padded = is_full ? 12 : 33;
    const at::Tensor ids = at::arange(64 * length).view({64, length}).remainder(56) + 4;
    const at::Tensor lengths = at::arange(64).remainder(length) + 1;
    const auto batch = [&](int64_t from, int64_t rows, int64_t to) {
      const at::Tensor counts =
          (at::arange(to).unsqueeze(0) < lengths.narrow(0, from, rows).unsqueeze(1)).to(at::kLong);
      const at::Tensor own =
          at::constant_pad_nd(ids.narrow(0, from, rows), {0, to - length}, 1) * counts + (1 - counts);
      const at::Tensor pixels =
          at::sin(at::arange(64 * 3 * 14 * 14, at::kFloat)).view({64, 3, 14, 14}).narrow(0, from, rows);
      return EncoderBatch{own, is_full ? at::ones_like(counts) : counts, counts, pixels};
    };
    for (const Output& output : kOutputs) {
      CATCH_INFO(name << ", " << output.key);
      const at::Tensor together = vectors_of(encoder, output, batch(0, 64, is_full ? padded : length));
      for (const int64_t i : {0, 7, 8, 63}) {
        const at::Tensor alone = vectors_of(encoder, output, batch(i, 1, padded))[0];
        const at::Tensor same = together.dim() == 3 && !is_full && output.input != InputKind::kImages
                                    ? alone.narrow(0, 0, length)
                                    : alone;
        CATCH_CHECK(largest_difference(same, together[i]) < 1e-6);
      }
    }
  }
}

CATCH_TEST_CASE("two towers: heads are drawn from the seed where there are none", "[unit]") {
  const c10::InferenceMode no_gradients;
  const std::string folder = copied();
  fs::remove(folder + "/colvbert/heads.safetensors");
  const TensorMap cases = read_safetensors(kGolden + "colvbert/cases.safetensors").tensors;
  const auto vectors = [&](int seed) {
    write(
        folder + "/colvbert/encoder.json",
        text(R"({"kind": "colvbert", "text": "text", "vision": "vision", "width": 15, "seed": )", seed, "}"));
    return vectors_of(Encoder(folder + "/colvbert"), kOutputs[4], batch_of(cases, 1));
  };
  const at::Tensor first = vectors(1);
  CATCH_CHECK(first.equal(vectors(1)));
  CATCH_CHECK(largest_difference(first, vectors(2)) > 1e-3);
  CATCH_CHECK(largest_difference(first.norm(2, -1), at::ones({first.size(0)})) < 1e-6);
  fs::remove_all(folder);
}

CATCH_TEST_CASE("two towers: folders that do not fit are refused by name", "[unit]") {
  const std::string folder = copied(), config = folder + "/colvbert/encoder.json",
                    heads = folder + "/colvbert/heads.safetensors";
  const std::string good = read_file(config);
  const auto read = [&] { Encoder encoder(folder + "/colvbert"); };
  const auto refuse = [&](const std::string& from, const std::string& to, const std::string& fragment) {
    std::string changed = good;
    changed.replace(changed.find(from), from.size(), to);
    write(config, changed);
    CATCH_CHECK_THROWS_WITH(read(), Contains(fragment));
    write(config, good);
  };
  read();
  refuse("\"colvbert\"", "\"colbert\"",
         "encoder.json: kind: wrong value; expected colvbert or colmodernvbert");
  refuse("\"width\"", "\"widht\"", "unknown field; hint: did you mean 'width'?");
  refuse("15", "16", "heads.safetensors: text_projection.");
  refuse("\"vision\": \"vision\"", "\"vision\": \"text\"", "sees no images");
  refuse("\"text\": \"text\"", "\"text\": \"vision\"", "reads no text");
  refuse("\"text\": \"text\"", "\"text\": \"nothing\"", "nothing/config.json");
  TensorMap all = read_safetensors(kGolden + "colvbert/heads.safetensors").tensors;
  const auto refuse_heads = [&](const TensorMap& tensors, const std::string& fragment) {
    fs::remove(heads);
    write_safetensors(heads, tensors);
    CATCH_CHECK_THROWS_WITH(read(), Contains(fragment));
  };
  TensorMap fewer, more = all;
  for (const auto& [name, tensor] : all)
    if (name != "fusion_up.bias") fewer.set(name, tensor);
  more.set("fusion_middle.bias", at::ones({2}));
  refuse_heads(fewer, "heads.safetensors: lacks a tensor; expected fusion_up.bias");
  refuse_heads(more, "1 tensor that this kind of model does not have; got fusion_middle.bias");
  fs::remove_all(folder);
}
