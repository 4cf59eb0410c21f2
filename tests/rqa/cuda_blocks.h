// The blocks of a GPU, one after the other on the CPU: what line_walk.cu does with line_walk.h.
#pragma once

#include <algorithm>
#include <vector>

#include "src/core/random.h"
#include "src/rqa/cuda/line_walk.h"

namespace athanor::rqa {

// Each phase of a block by all threads, in some order, before the next one.
template <Norm kNorm, bool kOfColumns>
void run_block(const LineCall& call, int64_t block, std::vector<int32_t>& threads, Rng& rng) {
  std::vector<int32_t> words(static_cast<size_t>(block_words(call)), -77);  // what was there before
  const auto all = [&](const auto& phase) {
    for (size_t n = threads.size(); n-- > 1;) std::swap(threads[n], threads[rng.below(n + 1)]);
    for (const int32_t thread : threads) phase(thread);
  };
  all([&](int32_t thread) { clear_words(call, thread, words.data()); });
  all([&](int32_t thread) { walk_own_line<kNorm, kOfColumns>(call, block, thread, words.data()); });
  all([&](int32_t thread) { add_words(call, kOfColumns, block, thread, words.data()); });
}

inline void run_blocks(const LineCall& call, bool columns) {
  using Block = void (*)(const LineCall&, int64_t, std::vector<int32_t>&, Rng&);
  constexpr Block kBlocks[3][2] = {{run_block<Norm::kL1, false>, run_block<Norm::kL1, true>},
                                   {run_block<Norm::kL2, false>, run_block<Norm::kL2, true>},
                                   {run_block<Norm::kLinf, false>, run_block<Norm::kLinf, true>}};
  Rng rng(static_cast<uint64_t>(call.most_vectors));
  std::vector<int32_t> threads;
  for (int32_t thread = 0; thread < call.block_threads; ++thread) threads.push_back(thread);
  for (int64_t block = block_count(call, columns); block-- > 0;)
    kBlocks[static_cast<size_t>(call.norm)][columns](call, block, threads, rng);
}

// As athanor_cuda_count_lines(): the counts are made in memory of its own, exactly as large as they are, and
// what is filled of them is copied out.
inline const char* count_lines_by_blocks(const LineCall& host, bool& out_of_memory) {
  out_of_memory = false;
  const auto lines_size = [&](int64_t length) {
    return static_cast<size_t>(lines_at(host, static_cast<int32_t>(length) + 1, 0));
  };
  const auto by_level = static_cast<size_t>(host.matrix_count) * static_cast<size_t>(host.thresholds);
  std::vector<int32_t> diagonal(lines_size(host.most_vectors)), longest(2);
  std::vector<int32_t> vertical(host.vertical ? diagonal.size() : 0);
  std::vector<int32_t> by_diagonal(host.by_diagonal ? by_level * static_cast<size_t>(host.most_vectors) : 0);
  std::vector<unsigned long long> cells(by_level * kCellKinds);
  LineCall call = host;
  call.diagonal_lines = diagonal.data();
  call.vertical_lines = vertical.data();
  call.by_diagonal_cells = by_diagonal.data();
  call.cells = cells.data();
  call.longest = longest.data();
  run_blocks(call, false);
  if (call.vertical) run_blocks(call, true);
  std::copy(longest.begin(), longest.end(), host.longest);
  std::copy(cells.begin(), cells.end(), host.cells);
  std::copy(by_diagonal.begin(), by_diagonal.end(), host.by_diagonal_cells);
  std::copy_n(diagonal.begin(), lines_size(longest[0]), host.diagonal_lines);
  if (host.vertical) std::copy_n(vertical.begin(), lines_size(longest[1]), host.vertical_lines);
  return nullptr;
}

}  // namespace athanor::rqa
