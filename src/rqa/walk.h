// All lines of a series' recurrence matrices, for every threshold at once, without a matrix. Along a diagonal
// (or a column) the distances of m delays follow from those of m-1, cell by cell; each distance becomes a
// level, the number of thresholds that it exceeds; and one pass with a stack of open lines closes, where the
// level rises from v to w, those of the thresholds [v,w): the lengths of the lines of all thresholds in time
// that does not depend on their number. What is not recurrent at m is not at m+1, so that few cells are
// looked at twice.
#pragma once

#include <functional>
#include <vector>

#include "src/core/thread_pool.h"
#include "src/rqa/line_counts.h"

namespace athanor::rqa {

// The loops over cells, for one kind of CPU (walk_body.h).
struct WalkKernel;
// Those that this CPU can run, fastest first; "plain" is always there.
const std::vector<const WalkKernel*>& walk_kernels();
const char* kernel_name(const WalkKernel& kernel);

constexpr size_t kMostThresholds = 254;     // at a time
constexpr int64_t kLongestSeries = 80'000;  // beyond it the lines of one length could be more than 2^31

struct WalkOptions {
  Wanted wanted;
  ThreadPool* pool = nullptr;          // delays tau are shared out over its threads
  const WalkKernel* kernel = nullptr;  // null: the fastest
  const Series* other = nullptr;  // cross-recurrence with this one: no Theiler window, by_diagonal left out
};

// m_index, tau_index into the lists; may be called from several threads, for one (m, tau) each once. Not
// called where fewer than two delay vectors remain.
using VisitCounts = std::function<void(size_t m_index, size_t tau_index, const LineCounts& counts)>;

// Equal to count_lines_plainly(), or count_cross_lines_plainly(), at each m and tau. bounds: of sum_bounds(),
// ascending. Memory: about 8 N (E + 1) bytes times the number of m, a thread.
void count_lines(const Series& series, const std::vector<int64_t>& m, const std::vector<int64_t>& tau,
                 const std::vector<double>& bounds, const Definitions& definitions,
                 const WalkOptions& options, const VisitCounts& visit);

}  // namespace athanor::rqa
