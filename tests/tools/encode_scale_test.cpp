// `athanor encode` of many inputs: killed and resumed, in level memory, and with too little of it.
#include <ATen/ATen.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <numeric>

#include "src/core/files.h"
#include "src/core/random.h"
#include "tests/tools/program.h"
#include "tools/encode/batches.h"
#include "tools/encode/run_halving.h"

namespace athanor::testing {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kMebibyte = int64_t{1} << 20;

std::string some_texts(const std::string& name, int64_t count) {
  const std::string path = fixtures() + "/" + name;
  Rng random(static_cast<uint64_t>(count));
  std::ofstream out(path);
  for (int64_t i = 0; i < count; ++i) {
    for (uint64_t left = 1 + random.below(14); left > 0; --left) out << "abcde "[random.below(6)];
    out << '\n';
  }
  return path;
}

// A vector a token, so that the output is large and windows are many.
Run multi(const std::string& texts, const std::string& output) {
  return {{"encode", "--model", ATHANOR_SOURCE_DIR "/tests/models/golden/towers/sentence", "--text", texts,
           "--mode", "multi", "--output", output}};
}

}  // namespace

CATCH_TEST_CASE("encode: killed again and again and resumed, the bytes are those of one run", "[unit]") {
  const std::string texts = some_texts("killed.txt", 10'000), whole = fixtures() + "/whole.safetensors",
                    killed = fixtures() + "/killed.safetensors";
  const auto start = std::chrono::steady_clock::now();
  CATCH_REQUIRE(run_athanor(multi(texts, whole)).exit_code == 0);
  const double took_ms =
      std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
  Run run = multi(texts, killed);
  run.arguments.push_back("--resume");
  Rng random(static_cast<uint64_t>(start.time_since_epoch().count()));  // another moment in each run
  int kills = 0, kills_between = 0;
  // Earlier and earlier, where a slow first run let later ones end before they were killed.
  for (double latest = 0.6; kills_between < 2 && latest > 0.05; latest /= 2) {
    fs::remove(killed);
    for (int i = 0; i < 20 && !fs::exists(killed); ++i) {
      run.kill_after_ms = static_cast<int64_t>(took_ms * latest * (0.4 + 0.6 * random.uniform()));
      const Outcome outcome = run_athanor(run);
      if (outcome.exit_code == 0) break;
      CATCH_REQUIRE(outcome.exit_code == 128 + 9);
      ++kills;
      const std::string journal = killed + ".partial/journal.jsonl";
      if (fs::exists(journal) && lines_of(read_file(journal)).size() > 1) ++kills_between;
    }
    run.kill_after_ms = 0;
    if (!fs::exists(killed)) CATCH_REQUIRE(run_athanor(run).exit_code == 0);
    CATCH_CHECK(read_file(killed) == read_file(whole));
  }
  CATCH_INFO(kills << " kills");
  CATCH_CHECK(kills_between >= 1);
}

CATCH_TEST_CASE("encode: ten times the texts take no more memory", "[unit]") {
  int64_t peaks[2] = {};
  const int64_t counts[2] = {10'000, 100'000};
  for (int i = 0; i < 2; ++i) {
    const std::string texts = some_texts("flat.txt", counts[i]), output = fixtures() + "/flat.safetensors";
    const Outcome outcome = run_athanor(multi(texts, output));
    CATCH_INFO(outcome.err);
    CATCH_REQUIRE(outcome.exit_code == 0);
    peaks[i] = outcome.peak_bytes;
    if (i == 1) CATCH_CHECK(static_cast<int64_t>(fs::file_size(output)) > 64 * kMebibyte);
    fs::remove(output);
  }
  CATCH_INFO(peaks[0] / kMebibyte << " and " << peaks[1] / kMebibyte << " MiB");
  CATCH_CHECK(peaks[0] > 50 * kMebibyte);
  CATCH_CHECK(peaks[1] - peaks[0] < 24 * kMebibyte);  // allocators alone differ by half of that
}

CATCH_TEST_CASE("encode: a batch without memory runs as its halves, one alone elsewhere", "[unit]") {
  std::vector<int64_t> batch(64), done;
  std::iota(batch.begin(), batch.end(), int64_t{0});
  int64_t fits = 10, fell_back = 0;
  BatchLimits limits{.tokens = 64 * 5, .rows = 100};
  const auto run = [&](const std::vector<int64_t>& part) {
    if (static_cast<int64_t>(part.size()) > fits) throw c10::OutOfMemoryError({}, "no memory");
    done.insert(done.end(), part.begin(), part.end());
  };
  const auto too_many = [&](const std::vector<int64_t>& part) {
    const auto rows = static_cast<int64_t>(part.size());
    halve_limits(rows, rows * 5, limits);
  };
  const auto encode = [&] { run_halving(batch, run, too_many, [&] { fits = ++fell_back; }); };
  encode();
  CATCH_CHECK(done == batch);
  CATCH_CHECK((limits.rows == 8 && limits.tokens == 40));  // of 64, 32 and 16, which did not fit
  CATCH_CHECK(fell_back == 0);
  done.clear();
  fits = 0;
  encode();
  CATCH_CHECK(done == batch);
  CATCH_CHECK(fell_back == 1);
  CATCH_CHECK((limits.rows == 1 && limits.tokens == 5));
  const auto vast = [] { at::empty({int64_t{1} << 50}); };
  CATCH_CHECK_FALSE(had_memory(vast));
  CATCH_CHECK_THROWS_AS(had_memory([] { at::ones({2}).add(at::ones({3})); }), c10::Error);
  const auto never = [](const std::vector<int64_t>&) { throw std::bad_alloc(); };
  CATCH_CHECK_THROWS_AS(run_halving(
                            {1}, never, [](const auto&) {}, [] {}),
                        std::bad_alloc);
}

CATCH_TEST_CASE("encode: batches on a GPU begin as the founding document's table has them", "[unit]") {
  constexpr InputKind kTexts = InputKind::kTexts, kImages = InputKind::kImages, kPairs = InputKind::kPairs;
  constexpr int64_t kGigabyte = 1'000'000'000;
  const auto texts = [](bool large, int64_t gb) {
    return gpu_limits(kTexts, large, gb * kGigabyte).tokens / 512;
  };
  const auto rows = [](InputKind kind, bool large, int64_t gb) {
    return gpu_limits(kind, large, gb * kGigabyte).rows;
  };
  CATCH_CHECK((texts(true, 16) == 32 && rows(kImages, true, 16) == 16 && rows(kPairs, true, 16) == 16));
  CATCH_CHECK((texts(true, 8) == 16 && rows(kImages, true, 8) == 8 && rows(kPairs, true, 8) == 8));
  CATCH_CHECK((texts(true, 4) == 8 && rows(kImages, true, 4) == 4 && rows(kPairs, true, 4) == 4));
  CATCH_CHECK((texts(false, 16) == 64 && rows(kImages, false, 16) == 32 && rows(kPairs, false, 16) == 32));
  CATCH_CHECK((texts(false, 8) == 32 && rows(kImages, false, 8) == 16 && rows(kPairs, false, 8) == 16));
  CATCH_CHECK((texts(false, 0) == 16 && rows(kImages, false, 0) == 8 && rows(kPairs, false, 0) == 8));
  CATCH_CHECK(texts(false, 80) == 5 * 64);
  CATCH_CHECK(cpu_limits(kImages).rows == 8);
}

CATCH_TEST_CASE("encode: inputs of like length go together, within the limits", "[unit]") {
  const auto batches = batches_by_length({3, 9, 4, 1, 9}, {.tokens = 18, .rows = 3});
  CATCH_CHECK(batches == std::vector<std::vector<int64_t>>{{1, 4}, {2, 0, 3}});
  CATCH_CHECK(batches_by_length({100}, {.tokens = 18, .rows = 3}) == std::vector<std::vector<int64_t>>{{0}});
  // 300 and 200 are not alike; 200 alone are few, so 20 joins it.
  CATCH_CHECK(batches_by_length({20, 300, 200, 310}, {.tokens = 1024}) ==
              std::vector<std::vector<int64_t>>{{3, 1}, {2, 0}});
}

}  // namespace athanor::testing
