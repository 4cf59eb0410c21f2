// `athanor encode` against sentence-transformers: tests/models/golden/towers/sentence, written by
// scripts/golden/make_towers.py.
#include <ATen/ATen.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "data/hdf5/hdf5_file.h"
#include "src/core/files.h"
#include "src/core/safetensors.h"
#include "tests/tools/bad_input.h"
#include "tests/tools/program.h"

namespace athanor::testing {
namespace {

namespace fs = std::filesystem;
using Catch::Matchers::Contains;

const std::string kModel = ATHANOR_SOURCE_DIR "/tests/models/golden/towers/sentence";
const std::string kTexts = kModel + "/texts.txt";

std::string output_of(const std::string& name) {
  const std::string path = fixtures() + "/" + name;
  fs::remove(path);
  return path;
}

TensorMap encoded(const std::string& name, const std::string& texts,
                  const std::vector<std::string>& options = {}) {
  const std::string output = output_of(name);
  Run run{{"encode", "--model", kModel, "--text", texts, "--output", output}};
  run.arguments.insert(run.arguments.end(), options.begin(), options.end());
  const Outcome outcome = run_athanor(run);
  CATCH_INFO(outcome.err);
  CATCH_REQUIRE(outcome.exit_code == 0);
  return read_safetensors(output).tensors;
}

double largest_difference(const at::Tensor& a, const at::Tensor& b) {
  CATCH_REQUIRE(a.sizes() == b.sizes());
  return (a - b).abs().max().item<double>();
}

}  // namespace

CATCH_TEST_CASE("encode: vectors of texts, prompts and tokens equal sentence-transformers'", "[unit]") {
  const TensorMap want = read_safetensors(kModel + "/cases.safetensors").tensors;
  const at::Tensor single = encoded("single.safetensors", kTexts).at("vectors");
  CATCH_CHECK(largest_difference(single, want.at("vectors")) < 1e-6);
  const at::Tensor queries =
      encoded("queries.safetensors", kTexts, {"--prompt", "query", "--batch", "3"}).at("vectors");
  CATCH_CHECK(largest_difference(queries, want.at("queries")) < 1e-6);
  const TensorMap hidden = encoded("hidden.safetensors", kTexts, {"--output-kind", "hidden"});
  CATCH_CHECK(largest_difference(hidden.at("vectors"), want.at("tokens")) < 1e-5);
  const at::Tensor offsets = hidden.at("offsets");
  CATCH_CHECK(offsets.size(0) == 9);
  CATCH_CHECK(offsets[8].item<int64_t>() == want.at("tokens").size(0));
  const at::Tensor multi = encoded("multi.safetensors", kTexts, {"--mode", "multi"}).at("vectors");
  CATCH_CHECK(largest_difference(multi.norm(2, 1), at::ones({multi.size(0)})) < 1e-5);
}

CATCH_TEST_CASE("encode: a vector does not depend on its batch", "[unit]") {
  const at::Tensor together = encoded("together.safetensors", kTexts).at("vectors");
  const std::vector<std::string> texts = lines_of(read_file(kTexts));
  const at::Tensor alone = encoded("alone.safetensors", kTexts, {"--batch", "1"}).at("vectors");
  CATCH_CHECK(largest_difference(alone, together) < 1e-6);
  std::ofstream many(fixtures() + "/many.jsonl");
  for (int i = 0; i < 64; ++i)
    many << R"({"text": ")" << (i % 7 == 0 ? std::string("a cat") : std::string(i % 13, 'z')) << "\"}\n";
  many.close();
  const at::Tensor crowd = encoded("crowd.safetensors", fixtures() + "/many.jsonl").at("vectors");
  for (int i = 0; i < 64; i += 7) CATCH_CHECK(largest_difference(crowd[i], together[0]) < 1e-6);
}

CATCH_TEST_CASE("encode: vectors of images and their patches equal transformers'", "[unit]") {
  const std::string folder = ATHANOR_SOURCE_DIR "/tests/models/golden/towers/images";
  const TensorMap want = read_safetensors(folder + "/cases.safetensors").tensors;
  for (const char* kind : {"encoder", "hidden"}) {
    const std::string output = output_of(std::string(kind) + "_images.safetensors");
    const Outcome outcome = run_athanor({{"encode", "--model", folder, "--images", folder + "/pictures",
                                          "--output", output, "--output-kind", kind, "--batch", "3"}});
    CATCH_INFO(outcome.err);
    CATCH_REQUIRE(outcome.exit_code == 0);
    const at::Tensor expected = want.at(std::string(kind) == "hidden" ? "hidden" : "vectors");
    CATCH_CHECK(largest_difference(read_safetensors(output).tensors.at("vectors"), expected) < 1e-5);
  }
}

CATCH_TEST_CASE("encode: a broken image is fatal, or left out and named", "[unit]") {
  const std::string model = ATHANOR_SOURCE_DIR "/tests/models/golden/towers/images";
  const std::string photos = fixtures() + "/some_photos", output = output_of("some.safetensors");
  fs::remove_all(photos);
  fs::copy(model + "/pictures", photos);
  std::ofstream(photos + "/1.png") << "no image";
  Run run{{"encode", "--model", model, "--images", photos, "--output", output}};
  const Outcome refused = run_athanor(run);
  CATCH_CHECK(refused.exit_code == 1);
  CATCH_CHECK_THAT(refused.err, Contains("1.png"));
  run.arguments.insert(run.arguments.end(), {"--skip-bad", "--resume"});
  const Outcome skipped = run_athanor(run);
  CATCH_INFO(skipped.err);
  CATCH_REQUIRE(skipped.exit_code == 0);
  CATCH_CHECK_THAT(skipped.err, Contains("left out") && Contains("1.png"));
  CATCH_CHECK_THAT(skipped.out, Contains("4 images") && Contains("1 of them broken"));
  const at::Tensor vectors = read_safetensors(output).tensors.at("vectors");
  CATCH_CHECK(vectors.norm(2, 1).round().equal(at::tensor({1.0F, 0.0F, 1.0F, 1.0F})));
}

CATCH_TEST_CASE("encode: HDF5 holds the same, and a finished output is not written over", "[unit]") {
  const at::Tensor want = encoded("again.safetensors", kTexts).at("vectors");
  const std::string output = output_of("again.h5");
  const Run run{{"encode", "--model", kModel, "--text", kTexts, "--output", output}};
  CATCH_CHECK(run_athanor(run).exit_code == 0);
  const std::vector<float> got = Hdf5File::open(output).read<float>("vectors");
  CATCH_CHECK(at::from_blob(const_cast<float*>(got.data()), {8, 24}).equal(want));
  const Outcome twice = run_athanor(run);
  CATCH_CHECK(twice.exit_code == 2);
  CATCH_CHECK_THAT(twice.err, Contains("is there already"));
}

CATCH_TEST_CASE("encode: a folder's default prompt is used, and left out of the mean where it says so",
                "[unit]") {
  const std::string model = fixtures() + "/prompted";
  fs::remove_all(model);
  fs::copy(kModel, model, fs::copy_options::recursive);
  std::ofstream(model + "/1_Pooling/config.json")
      << R"({"embedding_dimension": 24, "pooling_mode": "mean", "include_prompt": false})";
  std::ofstream(model + "/config_sentence_transformers.json")
      << R"({"prompts": {"query": "ask: ", "document": ""}, "default_prompt_name": "query"})";
  const auto vectors = [&](const std::vector<std::string>& options) {
    const std::string output = output_of("prompted.safetensors");
    Run run{{"encode", "--model", model, "--text", kTexts, "--output", output}};
    run.arguments.insert(run.arguments.end(), options.begin(), options.end());
    const Outcome outcome = run_athanor(run);
    CATCH_INFO(outcome.err);
    CATCH_REQUIRE(outcome.exit_code == 0);
    return read_safetensors(output).tensors.at("vectors").clone();
  };
  const std::string golden = ATHANOR_SOURCE_DIR "/tests/models/golden/encoders/without_prompt.safetensors";
  const at::Tensor want = read_safetensors(golden).tensors.at("vectors");
  const at::Tensor plain = read_safetensors(kModel + "/cases.safetensors").tensors.at("vectors");
  CATCH_CHECK(largest_difference(vectors({}), want) < 1e-6);
  CATCH_CHECK(largest_difference(vectors({"--prompt", "ask: "}), want) < 1e-6);
  CATCH_CHECK(largest_difference(vectors({"--prompt", "passage"}), plain) < 1e-6);
  CATCH_CHECK(largest_difference(want, plain) > 1e-3);
}

CATCH_TEST_CASE("encode: a text without any token is refused with its place", "[unit]") {
  const std::string model = fixtures() + "/bare_tokens", texts = fixtures() + "/hollow.txt";
  fs::remove_all(model);
  fs::copy(kModel, model, fs::copy_options::recursive);
  auto tokenizer = nlohmann::json::parse(read_file(model + "/tokenizer.json"));
  tokenizer["post_processor"] = nullptr;
  std::ofstream(model + "/tokenizer.json") << tokenizer;
  std::ofstream(texts) << "a\n\nb\n";
  const Outcome outcome =
      run_athanor({{"encode", "--model", model, "--text", texts, "--output", output_of("hollow.h5")}});
  CATCH_CHECK(outcome.exit_code == 1);
  CATCH_CHECK_THAT(outcome.err, Contains("hollow.txt:2: the text has no tokens"));
}

CATCH_TEST_CASE("encode: images that are empty or too large are refused with their names", "[unit]") {
  const std::string model = ATHANOR_SOURCE_DIR "/tests/models/golden/towers/images";
  const std::string nothing = fixtures() + "/nothing.png", vast = fixtures() + "/vast.jpg";
  std::ofstream(nothing).flush();
  // The head of a grey JPEG of 20,000 x 20,000 pixels.
  constexpr unsigned char kHead[] = {0xFF, 0xD8, 0xFF, 0xC0, 0,    11, 8,    0x4E, 0x20,
                                     0x4E, 0x20, 1,    1,    0x11, 0,  0xFF, 0xDA, 0,
                                     8,    1,    1,    0,    0,    63, 0,    0xFF, 0xD9};
  std::ofstream(vast, std::ios::binary).write(reinterpret_cast<const char*>(kHead), sizeof(kHead));
  for (const auto& [file, fragment] :
       {std::pair(nothing, "nothing.png: "), std::pair(vast, "20000 x 20000")}) {
    const Outcome outcome =
        run_athanor({{"encode", "--model", model, "--images", file, "--output", output_of("refused.h5")}});
    CATCH_CHECK(outcome.exit_code == 1);
    CATCH_CHECK_THAT(outcome.err, Contains(fragment));
    CATCH_CHECK(lines_of(outcome.err).size() == 1);
    fs::remove_all(fixtures() + "/refused.h5.partial");
  }
}

CATCH_TEST_CASE("encode: counts what it encodes, and one image is not two", "[unit]") {
  const std::string model = ATHANOR_SOURCE_DIR "/tests/models/golden/towers/images";
  const Outcome one = run_athanor(
      {{"encode", "--model", model, "--images", model + "/pictures/0.png", "--output", output_of("one.h5")}});
  CATCH_CHECK_THAT(one.out, Contains("the vectors of 1 image to"));
  CATCH_CHECK_THAT(one.err, Contains("images 1/1"));
  const std::string webp = fixtures() + "/webp";
  fs::create_directories(webp);
  fs::copy(ATHANOR_SOURCE_DIR "/tests/data/images/golden/lossy.webp", webp,
           fs::copy_options::overwrite_existing);
  const Outcome folder =
      run_athanor({{"encode", "--model", model, "--images", webp, "--output", output_of("webp.h5")}});
  CATCH_CHECK_THAT(folder.out, Contains("1 image to"));
  fs::copy_file(model + "/pictures/0.png", webp + "/lossy.png", fs::copy_options::overwrite_existing);
  const Outcome both =
      run_athanor({{"encode", "--model", model, "--images", webp, "--output", output_of("both.h5")}});
  CATCH_CHECK_THAT(both.out, Contains("2 images to"));
}

CATCH_TEST_CASE("bad input: encode", "[unit]") {
  const std::string in = fixtures();
  std::ofstream(in + "/broken.jsonl") << "{\"text\": \"a\"}\n{\"txt\": \"b\"}\n";
  std::ofstream(in + "/empty.txt").flush();
  fs::remove_all(in + "/half_model");
  fs::copy(kModel, in + "/half_model");
  fs::remove(in + "/half_model/model.safetensors");
  fs::remove_all(in + "/odd_model");
  fs::copy(kModel, in + "/odd_model");
  std::ofstream(in + "/odd_model/config.json") << R"({"model_type": "gpt2"})";
  const auto encode = [&](const std::string& model, const std::string& texts) {
    return std::vector<std::string>{"encode", "--model", model, "--text", texts, "--output", "v.safetensors"};
  };
  check_bad_inputs({
      {"no such model", encode(in + "/nothing", kTexts), 1, {"nothing/config.json", "cannot read"}},
      {"no weights", encode(in + "/half_model", kTexts), 2, {"no weights there", "model.safetensors"}},
      {"a kind of model that is not known", encode(in + "/odd_model", kTexts), 2, {"model_type", "gpt2"}},
      {"no such texts", encode(kModel, in + "/none.txt"), 2, {"none.txt", "cannot read"}},
      {"no texts", encode(kModel, in + "/empty.txt"), 2, {"empty.txt", "is empty"}},
      {"an object without text",
       encode(kModel, in + "/broken.jsonl"),
       2,
       {"broken.jsonl:2", "field text is missing"},
       0,
       false,
       {"v.safetensors.partial"}},
      {"a kind of output that is not known",
       {"encode", "--model", kModel, "--text", kTexts, "--output", "v.npy"},
       2,
       {"v.npy", ".safetensors"}},
      {"a mode that is not known",
       {"encode", "--model", kModel, "--text", kTexts, "--output", "v.h5", "--mode", "several"},
       2,
       {"--mode: not known", "single|multi", "several"}},
      {"a batch that is no number",
       {"encode", "--model", kModel, "--text", kTexts, "--output", "v.h5", "--batch", "many"},
       2,
       {"--batch", "auto or a number", "many"}},
      {"pooled vectors of tokens",
       {"encode", "--model", kModel, "--text", kTexts, "--output", "v.h5", "--mode", "multi", "--output-kind",
        "pooled"},
       2,
       {"--output-kind pooled", "--mode single"}},
  });
}

}  // namespace athanor::testing
