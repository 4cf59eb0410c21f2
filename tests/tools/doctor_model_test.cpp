// `athanor doctor --model`: what it says of folders that are whole, and of those that are not.
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "src/core/files.h"
#include "tests/tools/program.h"

namespace athanor::testing {
namespace {

namespace fs = std::filesystem;
using Catch::Matchers::Contains;

const std::string kTowers = ATHANOR_SOURCE_DIR "/tests/models/golden/towers/";

}  // namespace

CATCH_TEST_CASE("doctor: a model's speed is measured, and a vector alone is the one in a batch", "[unit]") {
  const std::vector<Outcome> outcomes = run_all({{{"doctor", "--json", "--model", kTowers + "sentence"}},
                                                 {{"doctor", "--json", "--model", kTowers + "images"}}});
  for (const Outcome& outcome : outcomes) {
    CATCH_INFO(outcome.out << outcome.err);
    CATCH_CHECK(outcome.exit_code == 0);
    CATCH_CHECK(nlohmann::json::parse(outcome.out)["ok"] == true);
    CATCH_CHECK_THAT(outcome.out, Contains("CPU, ") && Contains(" a second") && Contains("apart at most"));
  }
  CATCH_CHECK_THAT(outcomes[0].out,
                   Contains("WordPiece") && Contains("texts, speed") && !Contains("images, speed"));
  CATCH_CHECK_THAT(outcomes[1].out, Contains("images, speed") && !Contains("tokenizer"));
}

CATCH_TEST_CASE("doctor: a folder without weights, and another model's tokenizer, are named", "[unit]") {
  const std::string folder = fixtures() + "/sick_model";
  fs::remove_all(folder);
  fs::copy(kTowers + "sentence", folder, fs::copy_options::recursive);
  nlohmann::json tokenizer = nlohmann::json::parse(read_file(folder + "/tokenizer.json"));
  tokenizer["model"]["vocab"]["zebra"] = 4000;
  std::ofstream(folder + "/tokenizer.json") << tokenizer.dump();
  const Outcome foreign = run_athanor({{"doctor", "--model", folder}});
  CATCH_CHECK(foreign.exit_code == 1);
  CATCH_CHECK_THAT(foreign.out,
                   Contains("tokenizer          FAILED") && Contains("4001 tokens, for a model of 61"));
  fs::remove(folder + "/model.safetensors");
  const Outcome empty = run_athanor({{"doctor", "--model", folder}});
  CATCH_CHECK(empty.exit_code == 1);
  CATCH_CHECK_THAT(empty.out, Contains("model              FAILED") && Contains("no weights there"));
}

}  // namespace athanor::testing
