// `athanor encode` with the two encoders and ColModernVBERT: tests/models/golden/encoders, written by
// scripts/golden/make_encoders.py.
#include <ATen/ATen.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "data/images/tile_processor.h"
#include "src/core/files.h"
#include "src/core/safetensors.h"
#include "tests/tools/bad_input.h"
#include "tests/tools/program.h"

namespace athanor::testing {
namespace {

namespace fs = std::filesystem;
using Catch::Matchers::Contains;

const std::string kGolden = ATHANOR_SOURCE_DIR "/tests/models/golden/encoders/";

struct Encoded {
  at::Tensor vectors, offsets;  // offsets: undefined with a vector an input
  std::string err;
};

Encoded encode(const std::string& model, const std::vector<std::string>& options) {
  const std::string output = fixtures() + "/pairs_" + model + ".safetensors";
  fs::remove(output);
  Run run{{"encode", "--model", kGolden + model, "--output", output}};
  run.arguments.insert(run.arguments.end(), options.begin(), options.end());
  const Outcome outcome = run_athanor(run);
  CATCH_INFO(outcome.err);
  CATCH_REQUIRE(outcome.exit_code == 0);
  const TensorMap tensors = read_safetensors(output).tensors;
  const at::Tensor* offsets = tensors.find("offsets");
  return {tensors.at("vectors"), offsets == nullptr ? at::Tensor() : *offsets, outcome.err};
}

double largest_difference(const at::Tensor& a, const at::Tensor& b) {
  CATCH_REQUIRE(a.sizes() == b.sizes());
  return (a - b).abs().max().item<double>();
}

struct Input {
  const char *name, *option, *file;
};
constexpr Input kInputs[] = {
    {"text", "--text", "texts.txt"}, {"image", "--images", "pictures"}, {"pair", "--pairs", "pairs.jsonl"}};

}  // namespace

CATCH_TEST_CASE("encode: both encoders make the vectors of texts, images and pairs from files", "[unit]") {
  for (const std::string model : {"colvbert", "colmodernvbert"}) {
    const TensorMap want = read_safetensors(kGolden + model + "/cases.safetensors").tensors;
    for (const Input& input : kInputs)
      for (const bool each : {false, true}) {
        CATCH_INFO(model << ", " << input.name << (each ? ", multi" : ""));
        const Encoded got = encode(
            model, {input.option, kGolden + input.file, "--mode", each ? "multi" : "single", "--batch", "3"});
        const std::string name = std::string("program/") + input.name + (each ? "s" : "");
        CATCH_CHECK(largest_difference(got.vectors, want.at(name)) < 1e-5);
        CATCH_CHECK(got.offsets.defined() == each);
        if (each) CATCH_CHECK(got.offsets[4].item<int64_t>() == got.vectors.size(0));
      }
  }
}

CATCH_TEST_CASE("encode: a pair's vector does not depend on the pairs beside it", "[unit]") {
  for (const std::string model : {"colvbert", "colmodernvbert", "published"}) {
    CATCH_INFO(model);
    std::ofstream many(fixtures() + "/many_pairs.jsonl");
    for (int i = 0; i < 64; ++i)
      many << R"({"text": ")" << std::string(1 + i % 5, 'a') << R"(", "image": ")" << kGolden << "pictures/"
           << i % 4 << ".png\"}\n";
    many.close();
    const std::vector<std::string> pairs = {"--pairs", fixtures() + "/many_pairs.jsonl", "--mode", "multi"};
    std::vector<std::string> apart = pairs, together = pairs;
    apart.insert(apart.end(), {"--batch", "1"});
    together.insert(together.end(), {"--batch", "64"});
    const Encoded want = encode(model, apart), got = encode(model, together);
    CATCH_CHECK(want.offsets.equal(got.offsets));
    CATCH_CHECK(largest_difference(got.vectors, want.vectors) < 1e-6);
  }
}

CATCH_TEST_CASE("encode: ColModernVBERT equals transformers with its own processor", "[unit]") {
  const TensorMap want = read_safetensors(kGolden + "published/cases.safetensors").tensors;
  const std::pair<std::string, std::vector<std::string>> cases[] = {
      {"queries", {"--text", kGolden + "texts.txt"}},
      {"passages", {"--text", kGolden + "texts.txt", "--prompt", "passage"}},
      {"images", {"--images", kGolden + "pictures"}},
      {"pairs", {"--pairs", kGolden + "pairs.jsonl"}}};
  for (auto [name, options] : cases) {
    CATCH_INFO(name);
    options.insert(options.end(), {"--mode", "multi"});
    const Encoded got = encode("published", options);
    CATCH_CHECK(got.offsets.diff().equal(want.at(name + "_lengths")));
    CATCH_CHECK(largest_difference(got.vectors, want.at(name)) < 1e-5);
  }
}

CATCH_TEST_CASE("tiles: pixels equal those of transformers' processor", "[unit]") {
  const at::Tensor want =
      read_safetensors(kGolden + "published/cases.safetensors").tensors.at("pixels").contiguous();
  const TileProcessor processor(load_image_processor_config(kGolden + "published"));
  const TiledImage got = processor.process_file(kGolden + "pictures/2.png");
  CATCH_CHECK(got.rows == 3);
  CATCH_CHECK(got.columns == 1);
  CATCH_CHECK(processor.most_tiles() == 10);
  const at::Tensor pixels = at::from_blob(const_cast<float*>(got.pixels.data()), {4, 3, 20, 20});
  CATCH_CHECK(largest_difference(pixels, want) <= 1e-6);
}

CATCH_TEST_CASE("encode: a broken image of a pair is left out of ColModernVBERT's vectors", "[unit]") {
  std::ofstream(fixtures() + "/broken.png") << "no image";
  std::ofstream(fixtures() + "/one_broken.jsonl")
      << R"({"text": "a", "image": "broken.png"})"
      << "\n"
      << R"({"text": "b", "image": ")" << kGolden << R"(pictures/0.png"})"
      << "\n";
  const Encoded got =
      encode("published", {"--pairs", fixtures() + "/one_broken.jsonl", "--mode", "multi", "--skip-bad"});
  CATCH_CHECK(got.offsets[1].item<int64_t>() == 0);
  CATCH_CHECK(got.offsets[2].item<int64_t>() == got.vectors.size(0));
  CATCH_CHECK(got.vectors.size(0) > 4);
  CATCH_CHECK_THAT(got.err, Contains("left out") && Contains("broken.png"));
}

CATCH_TEST_CASE("encode: heads that are drawn are said to be untrained", "[unit]") {
  const std::string folder = fixtures() + "/untrained";
  fs::remove_all(folder);
  fs::copy(kGolden + "colvbert", folder, fs::copy_options::recursive);
  fs::remove(folder + "/heads.safetensors");
  const Outcome outcome = run_athanor(
      {{"encode", "--model", folder, "--pairs", kGolden + "pairs.jsonl", "--output", folder + "/v.h5"}});
  CATCH_CHECK(outcome.exit_code == 0);
  CATCH_CHECK_THAT(outcome.err, Contains("no heads.safetensors") && Contains("untrained"));
}

CATCH_TEST_CASE("bad input: encode pairs", "[unit]") {
  const std::string in = fixtures(), towers = ATHANOR_SOURCE_DIR "/tests/models/golden/towers/";
  std::ofstream(in + "/no_image.jsonl") << "{\"text\": \"a\"}\n";
  std::ofstream(in + "/gone.jsonl") << "{\"text\": \"a\", \"image\": \"gone.png\"}\n";
  std::ofstream(in + "/two.jsonl") << "{\"text\": \"<image> and <image>\", \"image\": \"" << kGolden
                                   << "pictures/0.png\"}\n";
  const auto with = [&](const std::string& model, const std::string& pairs,
                        std::vector<std::string> more = {}) {
    std::vector<std::string> all{"encode", "--model", model, "--pairs", pairs, "--output", "v.h5"};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  };
  const std::string pairs = kGolden + "pairs.jsonl", two = kGolden + "colvbert";
  check_bad_inputs({
      {"pairs of a model of texts", with(towers + "sentence", pairs), 2, {"sees no images"}},
      {"pairs of CLIP", with(towers + "clip", pairs), 2, {"makes no vectors of pairs", "two towers"}},
      {"a list that is no JSON", with(two, kGolden + "texts.txt"), 2, {"is no list of pairs", ".jsonl"}},
      {"a pair without an image",
       with(two, in + "/no_image.jsonl"),
       2,
       {"no_image.jsonl:1", "field image is missing"},
       0,
       false,
       {"v.h5.partial"}},
      {"an image that is not there",
       with(two, in + "/gone.jsonl"),
       1,
       {"gone.png"},
       0,
       false,
       {"v.h5.partial"}},
      {"hidden states of a pair", with(two, pairs, {"--output-kind", "hidden"}), 2, {"outputs of one tower"}},
      {"one vector of ColModernVBERT",
       with(kGolden + "published", pairs),
       2,
       {"one a token", "--mode multi"}},
      {"two images in a pair's text",
       with(kGolden + "published", in + "/two.jsonl", {"--mode", "multi"}),
       1,
       {"two.jsonl:1", "tokens of its image"},
       0,
       false,
       {"v.h5.partial"}},
      {"a prompt that the model does not have",
       with(kGolden + "colmodernvbert", pairs, {"--prompt", "query"}),
       2,
       {"--prompt query", "no prompt of this name"}},
  });
}

}  // namespace athanor::testing
