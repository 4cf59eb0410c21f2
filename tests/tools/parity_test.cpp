// `athanor parity` with stand-ins for Python: what it says where the reference agrees, differs or is missing.
// The reference itself runs in scripts/parity.
#include <ATen/ATen.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "src/core/safetensors.h"
#include "tests/tools/bad_input.h"
#include "tests/tools/program.h"

namespace athanor::testing {
namespace {

namespace fs = std::filesystem;
using Catch::Matchers::Contains;

const std::string kModel = ATHANOR_SOURCE_DIR "/tests/models/golden/towers/sentence";

// A program of the shell in Python's place.
std::string stand_in(const std::string& name, const std::string& commands) {
  const std::string path = fixtures() + "/python_" + name;  // others make folders there
  std::ofstream(path) << "#!/bin/sh\n" << commands << "\n";
  fs::permissions(path, fs::perms::owner_all);
  return path;
}

// One whose reference is this file.
std::string stand_in_with(const std::string& name, const TensorMap& reference) {
  const std::string file = fixtures() + "/python_" + name + ".safetensors";
  write_safetensors(file, reference, {{"transformers", "0"}});
  return stand_in(name, "cp " + file + R"~( "$(sed 's/.*"output":"\([^"]*\)".*/\1/' "$2")")~");
}

Outcome parity(const std::string& python) {
  return run_athanor({{"parity", "--model", kModel, "--text", kModel + "/texts.txt", "--python", python}});
}

}  // namespace

CATCH_TEST_CASE("parity: a reference that agrees, and one that differs in one value", "[unit]") {
  const TensorMap golden = read_safetensors(kModel + "/cases.safetensors").tensors;
  at::Tensor vectors = golden.at("vectors").clone();
  const TensorMap same{{"text/vectors", vectors}, {"text/hidden", golden.at("tokens")}};
  const Outcome equal = parity(stand_in_with("same", same));
  CATCH_INFO(equal.out << equal.err);
  CATCH_CHECK(equal.exit_code == 0);
  CATCH_CHECK_THAT(equal.out, Contains("8 texts and 0 images, beside transformers 0"));
  CATCH_CHECK_THAT(equal.out, Contains("text/hidden") && Contains("text/vectors") && !Contains("DIFFERS"));
  vectors[3][5] += 1e-3;
  const Outcome other = parity(stand_in_with("other", {{"text/vectors", vectors}}));
  CATCH_CHECK(other.exit_code == 1);
  CATCH_CHECK_THAT(other.out, Contains("text/vectors    1.0e-03     1.0e-05   DIFFERS"));
  CATCH_CHECK_THAT(other.err, Contains("differs from the reference"));
  vectors[3][5] = std::numeric_limits<float>::quiet_NaN();
  const Outcome broken = parity(stand_in_with("broken", {{"text/vectors", vectors}}));
  CATCH_INFO(broken.out << broken.err);
  CATCH_CHECK(broken.exit_code == 1);
  const Outcome fewer =
      parity(stand_in_with("fewer", {{"text/vectors", golden.at("vectors").narrow(0, 0, 7)}}));
  CATCH_CHECK(fewer.exit_code == 1);
  CATCH_CHECK_THAT(fewer.out, Contains("[8,24], reference [7,24]"));
}

CATCH_TEST_CASE("bad input: parity", "[unit]") {
  const auto with = [](const std::string& python) {
    return std::vector<std::string>{"parity", "--model", kModel, "--python", python};
  };
  check_bad_inputs({
      {"no such Python", with("/no/python"), 2, {"/no/python", "no program that runs", "scripts/parity"}},
      {"a Python without transformers",
       with(stand_in("bare", "echo \"No module named 'torch'; pip install torch\" >&2; exit 3")),
       2,
       {"lacks a package", "pip install torch"}},
      {"a reference that fails",
       with(stand_in("failing", "echo first; echo last; exit 1")),
       1,
       {"failed", "last"}},
      {"no such model", {"parity", "--model", fixtures() + "/none"}, 1, {"none/config.json"}},
  });
}

}  // namespace athanor::testing
