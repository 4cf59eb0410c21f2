// Counting lines on a GPU: its functions on the CPU, block by block, and the GPU itself where there is one,
// against the plain count; batches, and what happens when it fails.
#include <atomic>
#include <catch2/catch.hpp>
#include <map>
#include <mutex>

#include "src/rqa/cuda/gpu_lines.h"
#include "tests/rqa/cuda_blocks.h"
#include "tests/rqa/walk_cases.h"

using namespace athanor::rqa;
using athanor::Rng;

namespace {

const GpuLines::FellBack kMustNot = [](const std::string& why) { CATCH_FAIL("fell back: " << why); };

using CountsByPlace = std::map<std::pair<size_t, size_t>, LineCounts>;

CountsByPlace plain_counts(const WalkCase& each, const std::vector<double>& bounds) {
  CountsByPlace out;
  for (size_t m = 0; m < each.m.size(); ++m)
    for (size_t tau = 0; tau < each.tau.size(); ++tau)
      if (each.series.length() - (each.m[m] - 1) * each.tau[tau] >= 2)
        out[{m, tau}] =
            count_lines_plainly(each.series, each.m[m], each.tau[tau], bounds, each.definitions, each.wanted);
  return out;
}

bool gpu_counts(GpuLines& gpu, const WalkCase& each, const std::vector<double>& bounds, CountsByPlace& out) {
  return gpu.count(each.series, each.m, each.tau, bounds, each.definitions, each.wanted,
                   [&](size_t m, size_t tau, const LineCounts& counts) {
                     CATCH_CHECK(out.emplace(std::pair(m, tau), counts).second);  // once
                   });
}

// Over the cases [first, past); how many matrices and how many long lines were compared.
struct Compared {
  int64_t matrices = 0, lines = 0, empty = 0;
};
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
    for (const auto& [place, of] : plain) {
      ++compared.matrices;
      for (const int64_t length : of.diagonal.lengths) compared.lines += length > 1;
    }
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

}  // namespace

CATCH_TEST_CASE("rqa on a GPU: its functions, block by block on the CPU, count as the plain matrix does",
                "[unit]") {
  const Compared compared = compare({count_lines_by_blocks}, 0, 300);
  CATCH_CHECK(compared.matrices > 1500);
  CATCH_CHECK(compared.lines > 5000);
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

CATCH_TEST_CASE("rqa on a GPU: the GPU counts as the plain matrix does", "[gpu]") {
  std::string why_not;
  const CudaLinesLibrary* library = find_cuda_lines(why_not);
  if (library == nullptr) {
    CATCH_WARN("skipped: no GPU, or not built with -DATHANOR_CUDA=ON: " << why_not);
    return;
  }
  const Compared compared = compare(*library, 2000, 3000);
  CATCH_CHECK(compared.matrices > 5000);
  CATCH_CHECK(compared.lines > 16000);
}
