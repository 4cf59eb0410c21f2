// Counting lines on a GPU: its functions on the CPU, block by block, and the GPU itself where there is one,
// against the plain count; batches, and what happens when it fails.
#include <atomic>
#include <catch2/catch.hpp>
#include <cstring>
#include <map>
#include <nlohmann/json.hpp>

#include "src/rqa/cuda/gpu_lines.h"
#include "tests/rqa/cuda_blocks.h"
#include "tests/rqa/small_study.h"
#include "tests/rqa/walk_cases.h"

using namespace athanor::rqa;
using athanor::Rng;

namespace {

const GpuLines::FellBack kMustNot = [](const std::string& why) { CATCH_FAIL("fell back: " << why); };

bool gpu_counts(GpuLines& gpu, const WalkCase& each, const std::vector<double>& bounds, CountsByPlace& out) {
  return gpu.count(each.series, each.m, each.tau, bounds, each.definitions, each.wanted,
                   [&](size_t m, size_t tau, const LineCounts& counts) {
                     CATCH_CHECK(out.emplace(std::pair(m, tau), counts).second);  // once
                   });
}

// Over the cases [first, past).
Compared compare(const CudaLinesLibrary& library, uint64_t first, uint64_t past) {
  Compared compared;
  for (uint64_t seed = first; seed < past; ++seed) {
    CATCH_INFO("case " << seed);
    const WalkCase each = random_walk_case(seed);
    const std::vector<double> bounds = sum_bounds(each.series, each.eps, each.definitions);
    GpuLines gpu(library, kMustNot, seed % 2 ? GpuLines::kBatchBytes : 100'000);
    CountsByPlace counts;
    CATCH_REQUIRE(gpu_counts(gpu, each, bounds, counts));
    const CountsByPlace plain = plain_counts(each, bounds);
    CATCH_REQUIRE(counts == plain);
    compared.empty += plain.empty();
    for (const auto& [place, of] : plain) compared.add(of);
  }
  return compared;
}

// A block of some threads, some of whose short lines are its own.
template <int kThreads, int kShortRows>
const char* count_by_other_blocks(const LineCall& call, bool& out_of_memory) {
  LineCall other = call;
  other.block_threads = kThreads;
  other.short_rows = kShortRows;
  return count_lines_by_blocks(other, out_of_memory);
}

// A library that fails: calls are numbered from 1, over all tests that start it anew.
std::atomic<int> calls_made, fails_from, fails_until;
std::atomic<bool> fails_for_memory;
std::atomic<int32_t> most_matrices;
const char* count_or_fail(const LineCall& call, bool& out_of_memory) {
  const int number = ++calls_made;
  most_matrices = std::max(most_matrices.load(), call.matrix_count);
  if (number < fails_from || number >= fails_until) return count_lines_by_blocks(call, out_of_memory);
  out_of_memory = fails_for_memory;
  return fails_for_memory ? "out of memory" : "an illegal memory access was encountered";
}
constexpr int kNever = 1'000'000;
CudaLinesLibrary failing_library(int from, int until, bool for_memory) {
  calls_made = 0, fails_from = from, fails_until = until, fails_for_memory = for_memory, most_matrices = 0;
  return {count_or_fail};
}

struct Failure {
  std::vector<std::string> reasons;
  GpuLines::FellBack note = [this](const std::string& why) { reasons.push_back(why); };
};

// The events of a sweep that say that the GPU failed, as JSON.
std::vector<std::string> failures_of(const SweepOptions& options) {
  std::vector<std::string> failures;
  sweep(options, [&](const SweepEvent& event) {
    if (event.kind == SweepEvent::Kind::kGpuFailed) failures.push_back(event_json(event).dump());
  });
  return failures;
}

SweepOptions sweep_of_all_metrics(const Scratch& scratch, const std::string& output) {
  SweepOptions options = small_sweep(scratch, output);
  options.metrics = {Metric::kRR, Metric::kDET, Metric::kENT, Metric::kLAM, Metric::kTrend};
  return options;
}

// Null where there is none, which is said.
const CudaLinesLibrary* gpu_or_skip() {
  std::string why_not;
  const CudaLinesLibrary* library = find_cuda_lines(why_not);
  if (library == nullptr) CATCH_WARN("skipped: no GPU, or not built with -DATHANOR_CUDA=ON: " << why_not);
  return library;
}

}  // namespace

CATCH_TEST_CASE("rqa on a GPU: its functions, block by block on the CPU, count as the plain matrix does",
                "[unit]") {
  const Compared compared = compare({count_lines_by_blocks}, 0, 200);
  CATCH_CHECK(compared.matrices > 1000);
  CATCH_CHECK(compared.lines > 3000);
  CATCH_CHECK(compared.empty > 0);
}

CATCH_TEST_CASE("rqa on a GPU: the size of blocks and of their own memory changes nothing", "[unit]") {
  CATCH_CHECK(compare({count_by_other_blocks<1, 0>}, 500, 530).matrices > 100);
  CATCH_CHECK(compare({count_by_other_blocks<7, 3>}, 530, 560).matrices > 100);
  CATCH_CHECK(compare({count_by_other_blocks<32, 1>}, 560, 590).matrices > 100);
  CATCH_CHECK(compare({count_by_other_blocks<64, 400>}, 590, 620).matrices > 100);
}

CATCH_TEST_CASE("rqa on a GPU: every line is one thread's, and the longest diagonals come first", "[unit]") {
  const std::vector<LineMatrix> matrices{{1, 1, 1000}, {3, 100, 800}, {2, 998, 2}, {2, 488, 512}};
  LineCall call{};
  call.matrices = matrices.data();
  call.matrix_count = 4;
  call.most_vectors = 1000;
  call.block_threads = kBlockThreads;
  for (const bool columns : {false, true}) {
    std::map<std::pair<int32_t, int32_t>, int> walked;
    int32_t before = 0;
    for (int64_t block = 0; block < block_count(call, columns); ++block) {
      CATCH_CHECK(line_place(call, columns, block, 0).line >= before);
      before = line_place(call, columns, block, 0).line;
      for (int32_t thread = 0; thread < call.block_threads; ++thread) {
        const LinePlace place = line_place(call, columns, block, thread);
        if (place.exists) ++walked[{place.matrix, place.line}];
      }
    }
    const size_t lines = columns ? 1000 + 800 + 2 + 512 : 999 + 799 + 1 + 511;
    CATCH_CHECK(walked.size() == lines);
    for (const auto& [place, times] : walked) CATCH_REQUIRE(times == 1);
    for (int32_t matrix = 0; matrix < 4; ++matrix)
      for (int32_t line = columns ? 0 : 1; line < matrices[static_cast<size_t>(matrix)].vectors; ++line)
        CATCH_REQUIRE(walked.count({matrix, line}) == 1);
  }
}

CATCH_TEST_CASE("rqa on a GPU: as many thresholds as a call takes, and the longest lines there are",
                "[unit]") {
  WalkCase each{.m = {1, 3}, .tau = {2}, .wanted = {true, true}};
  Rng rng(4);
  each.series.coordinates.resize(1);
  for (int i = 0; i < 150; ++i) each.series.coordinates[0].push_back(i < 60 ? 0.5 : rng.uniform());
  for (size_t e = 0; e < kMostThresholds; ++e) each.eps.push_back(0.004 * static_cast<double>(e));
  const std::vector<double> bounds = sum_bounds(each.series, each.eps, each.definitions);
  const CudaLinesLibrary library{count_lines_by_blocks};
  GpuLines gpu(library, kMustNot);
  CountsByPlace counts;
  CATCH_REQUIRE(gpu_counts(gpu, each, bounds, counts));
  CATCH_CHECK(counts == plain_counts(each, bounds));
  CATCH_CHECK(counts[{0, 0}].diagonal.lengths.back() == 149);  // all is recurrent at 1.012
  CATCH_CHECK(counts[{0, 0}].vertical.lengths.back() == 150);
  CATCH_CHECK(counts.size() == 2);
}

CATCH_TEST_CASE("rqa on a GPU: once it fails, it is said once, and nothing is asked of it again", "[unit]") {
  const WalkCase each{.series = {{{1, 2, 3, 1, 2, 3, 1}}}, .m = {1, 2}, .tau = {1}};
  for (const bool for_memory : {false, true}) {
    const CudaLinesLibrary library = failing_library(3, kNever, for_memory);
    Failure failure;
    GpuLines gpu(library, failure.note, 1);  // one matrix at a time
    CountsByPlace first, second, third;
    CATCH_CHECK(gpu_counts(gpu, each, {0.5}, first));
    CATCH_CHECK(first == plain_counts(each, {0.5}));
    CATCH_CHECK_FALSE(gpu_counts(gpu, each, {0.5}, second));
    CATCH_CHECK_FALSE(gpu_counts(gpu, each, {0.5}, third));
    CATCH_CHECK(second.empty());
    CATCH_CHECK(calls_made == 3);
    CATCH_CHECK(
        failure.reasons ==
        std::vector<std::string>{for_memory ? "out of memory" : "an illegal memory access was encountered"});
  }
}

CATCH_TEST_CASE("rqa on a GPU: without memory for all matrices, half as many go at a time from then on",
                "[unit]") {
  WalkCase each = random_walk_case(1);
  each.series.coordinates[0].resize(120, 0.5);
  each.series.coordinates.resize(1);
  each.m = {1, 2, 3, 4}, each.tau = {1, 2, 3};
  const std::vector<double> bounds{0.1, 0.2};
  const CudaLinesLibrary library = failing_library(1, 3, true);
  GpuLines gpu(library, kMustNot);
  CountsByPlace counts, again;
  CATCH_REQUIRE(gpu_counts(gpu, each, bounds, counts));
  CATCH_CHECK(counts == plain_counts(each, bounds));
  CATCH_CHECK(counts.size() == 12);
  CATCH_CHECK(most_matrices == 10);  // m = 1 once
  CATCH_CHECK(calls_made == 2 + 5);  // 10, 5, then two at a time
  most_matrices = 0;
  CATCH_REQUIRE(gpu_counts(gpu, each, bounds, again));
  CATCH_CHECK(again == counts);
  CATCH_CHECK(most_matrices == 2);
}

CATCH_TEST_CASE("rqa on a GPU: where it fails in the middle of a recording, the values are the CPU's",
                "[unit]") {
  Series series{{{}, {}}};
  Rng rng(6);
  for (int i = 0; i < 200; ++i)
    for (auto& values : series.coordinates) values.push_back(rng.uniform());
  const Grid grid{{1, 2, 3}, {1, 2}, {0.1, 0.2, 0.3}, {2, 3}};
  const std::vector<Metric> metrics{Metric::kRR, Metric::kDET, Metric::kLmax, Metric::kLAM, Metric::kTrend};
  const auto values_of = [&](const AnalyseOptions& options) {
    std::vector<double> values(static_cast<size_t>(grid.combinations()) * metrics.size());
    analyse(series, grid, {}, metrics, values.data(), options);
    return values;
  };
  const std::vector<double> want = values_of({});
  CATCH_CHECK(want[0] > 0);
  for (const int from : {1, 3, 5, kNever}) {
    const CudaLinesLibrary library = failing_library(from, kNever, false);
    Failure failure;
    GpuLines gpu(library, failure.note, 1);
    const std::vector<double> got = values_of({.gpu = &gpu});
    CATCH_CHECK(std::memcmp(got.data(), want.data(), want.size() * sizeof(double)) == 0);
    CATCH_CHECK(failure.reasons.size() == (from == kNever ? 0 : 1));
    CATCH_CHECK(calls_made == std::min(from, 5));
  }
}

CATCH_TEST_CASE("rqa on a GPU: series that are too long are the CPU's to refuse", "[unit]") {
  const CudaLinesLibrary library = failing_library(1, kNever, false);
  GpuLines gpu(library, kMustNot);
  Series series{{std::vector<double>(kLongestSeries + 1)}};
  series.coordinates[0][0] = 1;
  double value = 0;
  CATCH_CHECK_THROWS_WITH(analyse(series, {{1}, {1}, {0.1}, {2}}, {}, {Metric::kRR}, &value, {.gpu = &gpu}),
                          Catch::Contains("at most 80000 samples"));
  CATCH_CHECK(calls_made == 0);
}

CATCH_TEST_CASE("rqa on a GPU: a sweep writes the CPU's bytes, also where the GPU fails on the way",
                "[unit]") {
  const Scratch scratch;
  make_small_study(scratch);
  SweepOptions options = sweep_of_all_metrics(scratch, "cpu");
  CATCH_CHECK(failures_of(options).empty());
  const std::string want = bytes_of(options);
  const auto swept = [&](const CudaLinesLibrary& library, int threads) {
    static int folder = 0;
    options.output = scratch / ("gpu" + std::to_string(folder++));
    options.gpu = &library;
    options.threads = threads;
    const std::vector<std::string> failures = failures_of(options);
    CATCH_CHECK(bytes_of(options) == want);
    return failures;
  };
  const std::vector<std::string> failed{
      R"({"event":"gpu_failed","reason":"an illegal memory access was encountered"})"};
  CATCH_CHECK(swept(failing_library(kNever, kNever, false), 2).empty());
  CATCH_CHECK(calls_made == 24);  // 12 recordings, two analyses
  CATCH_CHECK(swept(failing_library(1, kNever, false), 1) == failed);
  CATCH_CHECK(calls_made == 1);
  CATCH_CHECK(swept(failing_library(5, kNever, false), 1) == failed);  // in the third recording
  CATCH_CHECK(calls_made == 5);
  CATCH_CHECK(swept(failing_library(5, kNever, false), 2) == failed);
  CATCH_CHECK(swept(failing_library(3, 4, true), 1).empty());
  CATCH_CHECK(calls_made > 25);  // half as many at a time from the third on
}

CATCH_TEST_CASE("rqa on a GPU: the GPU counts as the plain matrix does", "[gpu]") {
  const CudaLinesLibrary* library = gpu_or_skip();
  if (library == nullptr) return;
  const Compared compared = compare(*library, 2000, 3000);
  CATCH_CHECK(compared.matrices > 5000);
  CATCH_CHECK(compared.lines > 16000);
}

CATCH_TEST_CASE("rqa on a GPU: the GPU sweeps to the CPU's bytes", "[gpu]") {
  const CudaLinesLibrary* library = gpu_or_skip();
  if (library == nullptr) return;
  const Scratch scratch;
  make_small_study(scratch);
  SweepOptions options = sweep_of_all_metrics(scratch, "cpu");
  sweep(options, kSilent);
  const std::string want = bytes_of(options);
  options.output = scratch / "gpu";
  options.gpu = library;
  CATCH_CHECK(failures_of(options).empty());
  CATCH_CHECK(bytes_of(options) == want);
}
