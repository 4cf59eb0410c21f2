#include "src/rqa/cuda/gpu_lines.h"

#include <algorithm>
#include <memory>
#include <numeric>

#include "src/ops/cuda/cuda_library.h"
#include "src/rqa/line_differences.h"

namespace athanor::rqa {
namespace {

constexpr int64_t kShortLineBytes = 8 << 10;  // of a block's own memory: several blocks share a processor

static_assert(kMostOpenLines == kMostThresholds);

struct Job {
  LineMatrix matrix;
  size_t m_index, tau_index;
};

// Those with two delay vectors or more; m = 1 once, since tau makes no difference there.
std::vector<Job> jobs_of(int64_t length, const std::vector<int64_t>& m, const std::vector<int64_t>& tau) {
  std::vector<Job> jobs;
  for (size_t t = 0; t < tau.size(); ++t)
    for (size_t k = 0; k < m.size(); ++k) {
      const int64_t delay = std::min(tau[t], length), vectors = length - (m[k] - 1) * delay;
      if (vectors < 2 || (m[k] == 1 && t > 0)) continue;
      jobs.push_back(
          {{static_cast<int32_t>(m[k]), static_cast<int32_t>(delay), static_cast<int32_t>(vectors)}, k, t});
    }
  return jobs;
}

// A call's matrices, and room for its counts in the CPU's memory; of lines only what is filled is touched.
struct Batch {
  LineCall call{};
  std::vector<LineMatrix> matrices;
  std::unique_ptr<int32_t[]> diagonal, vertical, by_diagonal;
  std::vector<unsigned long long> cells;
  int32_t longest[2] = {0, 0};

  Batch(const LineCall& all, const Job* jobs, size_t count);
  LineCounts counts(size_t n) const;

 private:
  std::vector<int64_t> cells_of(size_t n, CellsOf which) const;
  std::vector<int64_t> by_diagonal_of(size_t n) const;
};

Batch::Batch(const LineCall& all, const Job* jobs, size_t count) : call(all) {
  for (size_t n = 0; n < count; ++n) {
    matrices.push_back(jobs[n].matrix);
    call.most_vectors = std::max(call.most_vectors, jobs[n].matrix.vectors);
  }
  call.matrices = matrices.data();
  call.matrix_count = static_cast<int32_t>(count);
  const auto lines = static_cast<size_t>(lines_at(call, call.most_vectors + 1, 0));
  const size_t by_level = count * static_cast<size_t>(call.thresholds);
  diagonal.reset(new int32_t[lines]);
  if (call.vertical) vertical.reset(new int32_t[lines]);
  if (call.by_diagonal) by_diagonal.reset(new int32_t[by_level * static_cast<size_t>(call.most_vectors)]);
  cells.resize(by_level * kCellKinds);
  call.diagonal_lines = diagonal.get();
  call.vertical_lines = vertical.get();
  call.by_diagonal_cells = by_diagonal.get();
  call.cells = cells.data();
  call.longest = longest;
}

std::vector<int64_t> Batch::cells_of(size_t n, CellsOf which) const {
  const auto first = cells.begin() + static_cast<int64_t>(n * kCellKinds + which) * call.thresholds;
  std::vector<int64_t> out(static_cast<size_t>(call.thresholds));
  std::partial_sum(first, first + call.thresholds, out.begin());
  return out;
}

std::vector<int64_t> Batch::by_diagonal_of(size_t n) const {
  const auto vectors = static_cast<size_t>(matrices[n].vectors);
  std::vector<int64_t> out(static_cast<size_t>(call.thresholds) * vectors);
  for (size_t e = 0; e < static_cast<size_t>(call.thresholds); ++e) {
    const int32_t* row = by_diagonal.get() + (n * call.thresholds + e) * call.most_vectors;
    for (size_t k = 0; k < vectors; ++k)
      out[e * vectors + k] = row[k] + (e > 0 ? out[(e - 1) * vectors + k] : 0);
  }
  return out;
}

LineCounts Batch::counts(size_t n) const {
  const int64_t first = lines_at(call, 0, static_cast<int32_t>(n)), stride = lines_at(call, 1, 0);
  LineCounts out{.vectors = matrices[n].vectors,
                 .cells = cells_of(n, kOutsideWindow),
                 .cells_in_window = cells_of(n, kInsideWindow)};
  out.diagonal = lines_of_differences({diagonal.get() + first, stride, longest[0]}, out.cells);
  if (call.vertical)
    out.vertical = lines_of_differences({vertical.get() + first, stride, longest[1]}, cells_of(n, kColumns));
  if (call.by_diagonal) out.cells_by_diagonal = by_diagonal_of(n);
  return out;
}

LineCall call_for(const Series& series, const std::vector<double>& values, const std::vector<double>& bounds,
                  const Definitions& definitions, const Wanted& wanted) {
  LineCall call{};
  call.values = values.data();
  call.bounds = bounds.data();
  call.coordinates = static_cast<int32_t>(series.coordinates.size());
  call.length = static_cast<int32_t>(series.length());
  call.thresholds = static_cast<int32_t>(bounds.size());
  call.norm = norm_of(series, definitions);
  call.theiler = static_cast<int32_t>(std::min<int64_t>(definitions.theiler, series.length()));
  call.vertical_has_main = definitions.vertical_has_main;
  call.vertical = wanted.vertical;
  call.by_diagonal = wanted.by_diagonal;
  call.block_threads = kBlockThreads;
  const int64_t row_bytes = (call.thresholds + 1) * static_cast<int64_t>(sizeof(int32_t));
  call.short_rows = static_cast<int32_t>(kShortLineBytes / row_bytes);
  return call;
}

// Of the counts of one matrix, at most.
int64_t matrix_bytes(const LineCall& call) {
  const int64_t lines = (call.length + 1) * (call.thresholds + int64_t{1}) * (call.vertical ? 2 : 1);
  const int64_t by_diagonal = call.by_diagonal ? int64_t{call.length} * call.thresholds : 0;
  return (lines + by_diagonal) * static_cast<int64_t>(sizeof(int32_t));
}

}  // namespace

const CudaLinesLibrary* find_cuda_lines(std::string& why_not) {
  static CudaLinesLibrary library;
  static const std::string missing = find_cuda_functions({{"athanor_cuda_count_lines", library.count_lines}});
  why_not = missing;
  return why_not.empty() ? &library : nullptr;
}

GpuLines::Outcome GpuLines::run(const LineCall& call) {
  bool out_of_memory = false;
  const char* problem = library_.count_lines(call, out_of_memory);
  if (problem == nullptr) return Outcome::kDone;
  if (out_of_memory && call.matrix_count > 1) {
    const int64_t fewer = matrix_bytes(call) * (call.matrix_count / 2);
    int64_t before = batch_bytes_;
    while (fewer < before && !batch_bytes_.compare_exchange_weak(before, fewer)) continue;
    return Outcome::kTooMany;
  }
  if (!failed_.exchange(true)) fell_back_(problem);
  return Outcome::kFailed;
}

bool GpuLines::count(const Series& series, const std::vector<int64_t>& m, const std::vector<int64_t>& tau,
                     const std::vector<double>& bounds, const Definitions& definitions, const Wanted& wanted,
                     const VisitCounts& visit) {
  if (failed_ || series.length() > kLongestSeries) return false;
  std::vector<double> values;
  for (const auto& each : series.coordinates) values.insert(values.end(), each.begin(), each.end());
  const LineCall all = call_for(series, values, bounds, definitions, wanted);
  const std::vector<Job> jobs = jobs_of(series.length(), m, tau);
  for (size_t first = 0; first < jobs.size();) {
    const auto most = static_cast<size_t>(std::max<int64_t>(1, batch_bytes_ / matrix_bytes(all)));
    Batch batch(all, jobs.data() + first, std::min(most, jobs.size() - first));
    const Outcome outcome = run(batch.call);
    if (outcome == Outcome::kFailed) return false;
    if (outcome == Outcome::kTooMany) continue;
    for (size_t n = 0; n < batch.matrices.size(); ++n, ++first) {
      const LineCounts counts = batch.counts(n);
      const Job& job = jobs[first];
      if (job.matrix.m > 1) visit(job.m_index, job.tau_index, counts);
      for (size_t t = 0; job.matrix.m == 1 && t < tau.size(); ++t) visit(job.m_index, t, counts);
    }
  }
  return true;
}

}  // namespace athanor::rqa
