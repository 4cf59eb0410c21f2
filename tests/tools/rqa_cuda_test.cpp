// athanor rqa sweep --device, with a library of kernels that run on the CPU.
#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>

#include "src/core/files.h"
#include "tests/rqa/small_study.h"
#include "tests/tools/program.h"

using namespace athanor;
using namespace athanor::testing;
using Catch::Matchers::Contains;

namespace {

class Environment {
 public:
  Environment(const char* name, const std::string& value) : name_(name) { ::setenv(name, value.c_str(), 1); }
  ~Environment() { ::unsetenv(name_); }
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

 private:
  const char* name_;
};

Outcome sweep_on(const std::string& device, const Scratch& scratch, const std::string& output) {
  const Outcome outcome =
      run_athanor({{"rqa", "sweep", "--input", scratch / "study", "--output", scratch / output, "--m", "1:3",
                    "--tau", "1:2", "--eps", "0.05:0.3:0.05", "--metrics", "all", "--device", device}});
  CATCH_INFO(outcome.err);
  CATCH_REQUIRE(outcome.exit_code == 0);
  return outcome;
}

}  // namespace

CATCH_TEST_CASE("rqa sweep: --device takes the GPU's library where it is, and the bytes are the CPU's",
                "[unit]") {
  const Scratch scratch;
  make_small_study(scratch);
  const auto bytes = [&](const std::string& output) { return read_file(scratch / output + "/sweep.h5"); };
  const Environment library("ATHANOR_CUDA_LIBRARY", ATHANOR_BINARY_DIR "/tests/libcuda_on_cpu.so");
  CATCH_CHECK_THAT(sweep_on("cpu", scratch, "cpu").err, !Contains("GPU"));
  CATCH_CHECK_THAT(sweep_on("cuda", scratch, "cuda").err, Contains("counting on the GPU"));
  CATCH_CHECK_THAT(sweep_on("auto", scratch, "auto").err, Contains("counting on the GPU"));
  CATCH_CHECK(bytes("cuda") == bytes("cpu"));
  CATCH_CHECK(bytes("auto") == bytes("cpu"));
  const Environment problem("CUDA_ON_CPU_PROBLEM", "too hot");
  CATCH_CHECK_THAT(sweep_on("cuda", scratch, "failed").err,
                   Contains("the GPU failed (too hot); going on with the CPU"));
  CATCH_CHECK(bytes("failed") == bytes("cpu"));
}

CATCH_TEST_CASE("rqa sweep: without a GPU --device cuda says so, auto does not, and both use the CPU",
                "[unit]") {
  const Scratch scratch;
  make_small_study(scratch);
  const Environment library("ATHANOR_CUDA_LIBRARY", scratch / "missing.so");
  CATCH_CHECK_THAT(sweep_on("cuda", scratch, "cuda").err,
                   Contains("no GPU that can be used") && Contains("missing.so") && Contains("with the CPU"));
  CATCH_CHECK_THAT(sweep_on("auto", scratch, "auto").err, !Contains("GPU"));
}
