#include "src/rqa/walk.h"

#include <algorithm>

#include "src/core/error.h"
#include "src/core/text.h"
#include "src/rqa/rows.h"
#include "src/rqa/tally.h"
#include "src/rqa/walk_kernel.h"

namespace athanor::rqa {
namespace {

constexpr int64_t kBlockWords = 128;    // or one line
constexpr int64_t kFront = kWordCells;  // room before the first level

// A run of lines: diagonals j - i = k, or columns j.
struct Lines {
  bool columns = false;
  int64_t first = 0, past = 0;
  bool one_by_one = false;
};

// What a walk works on; kept for the thread's next one.
struct WalkMemory {
  std::vector<int32_t> i, j;
  std::vector<uint16_t> distances, cell_distances;
  std::vector<uint32_t> alive, places, unsure, change_places;
  std::vector<uint64_t> cells;
  std::vector<uint8_t> levels, change_levels;
  std::vector<Tally> tallies;  // by m
  bool in_use = false;         // or left so by an error: tallies are not empty then

  void make_room(int64_t words);
  int64_t words() const { return static_cast<int64_t>(i.size()); }
};

void WalkMemory::make_room(int64_t words) {
  if (words <= this->words()) return;
  const auto rows = static_cast<size_t>(words), cell_count = rows * kWordCells + kFront + 2 * kWordCells;
  i.resize(rows), j.resize(rows), alive.resize(rows + 1), cells.resize(rows + 1);
  distances.resize(cell_count), places.resize(cell_count), cell_distances.resize(cell_count);
  levels.resize(cell_count), unsure.resize(cell_count);
  change_levels.resize(cell_count), change_places.resize(cell_count);
}

// One thread's walk along the lines of one tau.
class Walker {
 public:
  Walker(const Screen& screen, const WalkKernel& kernel, const Definitions& definitions, int64_t tau,
         WalkMemory& memory);
  // tallies: by m, null where m is not wanted. after_line(line, m, tally) if lines are one by one.
  using AfterLine = std::function<void(int64_t line, int64_t m, const Tally& tally)>;
  void walk(const Lines& lines, const std::vector<Tally*>& tallies, const AfterLine& after_line = {});

 private:
  struct Line {
    int64_t i, j, cells;
  };
  Line line_at(const Lines& lines, int64_t line) const;
  int64_t words_of(const Lines& lines, int64_t line) const {
    return line_at(lines, line).cells / kWordCells + 1;
  }
  void lay_out(const Lines& lines, int64_t line, int64_t word);
  void take_window_out(int64_t line, int64_t word);
  void drop_beyond(int64_t delay);
  void tally_block(int64_t m, bool columns, Tally& tally);
  void settle_levels(const Cells& cells, int64_t m, bool columns);

  const Screen& screen_;
  const WalkKernel& kernel_;
  const Definitions& definitions_;
  int64_t tau_;
  WalkMemory& memory_;
  Coordinates x_;
  LineBlock block_{};
};

Walker::Walker(const Screen& screen, const WalkKernel& kernel, const Definitions& definitions, int64_t tau,
               WalkMemory& memory)
    : screen_(screen), kernel_(kernel), definitions_(definitions), tau_(tau), memory_(memory) {
  x_ = {screen.coordinates().data(), static_cast<int64_t>(screen.coordinates().size())};
  memory.make_room(std::max(kBlockWords, screen.length() / kWordCells + 1));
  block_ = {memory.i.data(),     memory.j.data(),     memory.distances.data(),
            memory.alive.data(), memory.cells.data(), 0};
}

// Where it begins, in the screen's arrays.
Walker::Line Walker::line_at(const Lines& lines, int64_t line) const {
  const int64_t start = screen_.other_start();
  if (lines.columns) return {0, start + line, screen_.length()};
  const int64_t i = std::max<int64_t>(0, -line), j = std::max<int64_t>(0, line);
  return {i, start + j, std::min(screen_.length() - i, screen_.other_length() - j)};
}

void Walker::lay_out(const Lines& lines, int64_t line, int64_t word) {
  const Line place = line_at(lines, line);
  const int64_t words = (place.cells + kWordCells - 1) / kWordCells, before = block_.alive_count;
  for (int64_t w = 0; w < words; ++w) {
    block_.i[word + w] = static_cast<int32_t>(place.i + w * kWordCells);
    block_.j[word + w] = static_cast<int32_t>(place.j + (lines.columns ? 0 : w * kWordCells));
  }
  kernel_.start[static_cast<size_t>(screen_.norm())][lines.columns](x_, block_, word, words, screen_.limit());
  if (lines.columns && !screen_.is_cross() && !definitions_.vertical_has_main && block_.alive_count > before)
    take_window_out(line, word);
}

// Cells of the column that are nearer to the main diagonal than the Theiler window are no line's, at any m.
void Walker::take_window_out(int64_t line, int64_t word) {
  const int64_t last = std::min(screen_.length(), line + definitions_.theiler);
  for (int64_t i = std::max<int64_t>(0, line - definitions_.theiler + 1); i < last; ++i) {
    const auto w = static_cast<uint32_t>(word + i / kWordCells);
    block_.distances[static_cast<size_t>(word * kWordCells + i)] = kFar;
    for (int64_t n = block_.alive_count; n-- > 0 && block_.alive[n] >= w;)
      if (block_.alive[n] == w) block_.cells[n] &= ~(uint64_t{1} << (i % kWordCells));
  }
}

// Columns beyond the last delay vector.
void Walker::drop_beyond(int64_t delay) {
  int64_t kept = 0;
  for (int64_t n = 0; n < block_.alive_count; ++n) {
    block_.alive[kept] = block_.alive[n];
    block_.cells[kept] = block_.cells[n];
    kept += block_.j[block_.alive[n]] - screen_.other_start() + delay < screen_.other_length();
  }
  block_.alive_count = kept;
}

void Walker::walk(const Lines& lines, const std::vector<Tally*>& tallies, const AfterLine& after_line) {
  const auto max_m = static_cast<int64_t>(tallies.size()) - 1, capacity = memory_.words();
  for (int64_t line = lines.first; line < lines.past;) {
    const int64_t first = line;
    int64_t word = 0;
    block_.alive_count = 0;
    do {
      lay_out(lines, line, word);
      word += words_of(lines, line);
    } while (++line < lines.past && !lines.one_by_one && word + words_of(lines, line) <= capacity);
    for (int64_t m = 1; m <= max_m && block_.alive_count > 0; ++m) {
      const int64_t delay = (m - 1) * tau_;
      if (lines.columns && line - 1 + delay >= screen_.other_length()) drop_beyond(delay);
      if (m > 1)
        kernel_.extend[static_cast<size_t>(screen_.norm())][lines.columns](x_, block_, delay,
                                                                           screen_.limit());
      if (tallies[m] == nullptr || block_.alive_count == 0) continue;
      tally_block(m, lines.columns, *tallies[m]);
      if (after_line) after_line(first, m, *tallies[m]);
    }
  }
}

void Walker::tally_block(int64_t m, bool columns, Tally& tally) {
  Cells cells{memory_.places.data() + kFront,
              memory_.cell_distances.data(),
              memory_.levels.data() + kFront,
              memory_.unsure.data(),
              0,
              0};
  kernel_.find_levels(block_, screen_.table(m).data(), cells);
  if (cells.count == 0) return;
  settle_levels(cells, m, columns);
  tally.add_cells(cells.levels, cells.count);
  cells.places[-1] = cells.places[0] - 2;  // which the first does not follow
  kernel_.close_lines(cells, static_cast<uint8_t>(screen_.levels()),
                      {memory_.change_levels.data(), memory_.change_places.data()}, tally.differences());
}

// Those that only double precision can tell.
void Walker::settle_levels(const Cells& cells, int64_t m, bool columns) {
  for (int64_t n = 0; n < cells.unsure_count; ++n) {
    const uint32_t place = cells.places[cells.unsure[n]];
    const int64_t word = place / kWordCells, cell = place % kWordCells;
    cells.levels[cells.unsure[n]] =
        screen_.exact_level(m, tau_, block_.i[word] + cell, block_.j[word] + (columns ? 0 : cell));
  }
}

// All counts of one tau.
class DelayCount {
 public:
  DelayCount(const Screen& screen, const std::vector<bool>& wanted_m, int64_t tau,
             const Definitions& definitions, const Wanted& wanted, const WalkKernel& kernel,
             WalkMemory& memory);
  // By m; without vectors where m is not wanted or the series is too short for it.
  std::vector<LineCounts> run();

 private:
  void walk_diagonals(int64_t first, int64_t past);
  void keep_line(int64_t line, int64_t m, const Tally& tally);
  template <class Body>
  void take(const Body& body) {
    for (size_t m = 1; m < tallies_.size(); ++m)
      if (tallies_[m]) body(*tallies_[m], counts_[m]), tallies_[m]->clear();
  }

  const Screen& screen_;
  const Definitions& definitions_;
  Wanted wanted_;
  Walker walker_;
  std::vector<Tally*> tallies_;
  std::vector<LineCounts> counts_;
  std::vector<int64_t> cells_before_;  // [m, E] of the lines before
};

DelayCount::DelayCount(const Screen& screen, const std::vector<bool>& wanted_m, int64_t tau,
                       const Definitions& definitions, const Wanted& wanted, const WalkKernel& kernel,
                       WalkMemory& memory)
    : screen_(screen),
      definitions_(definitions),
      wanted_(wanted),
      walker_(screen, kernel, definitions, tau, memory),
      tallies_(wanted_m.size()),
      counts_(wanted_m.size()) {
  wanted_.by_diagonal &= !screen.is_cross();
  if (memory.tallies.size() < wanted_m.size()) memory.tallies.resize(wanted_m.size());
  for (size_t m = 1; m < wanted_m.size(); ++m) {
    const int64_t delay = (static_cast<int64_t>(m) - 1) * tau, vectors = screen.length() - delay;
    if (!wanted_m[m] || std::min(vectors, screen.other_length() - delay) < 2) continue;
    tallies_[m] = &memory.tallies[m];
    tallies_[m]->make_room(vectors, screen.levels());
    counts_[m].vectors = vectors;
    if (screen.is_cross()) counts_[m].other_vectors = screen.other_length() - delay;
    if (wanted_.by_diagonal)
      counts_[m].cells_by_diagonal.resize(static_cast<size_t>(screen.levels() * vectors));
  }
}

void DelayCount::keep_line(int64_t line, int64_t m, const Tally& tally) {
  const std::vector<int64_t> cells = tally.cells();
  for (size_t e = 0; e < cells.size(); ++e) {
    int64_t& before = cells_before_[static_cast<size_t>(m) * cells.size() + e];
    counts_[m].cells_by_diagonal[static_cast<int64_t>(e) * counts_[m].vectors + line] = cells[e] - before;
    before = cells[e];
  }
}

void DelayCount::walk_diagonals(int64_t first, int64_t past) {
  const Lines lines{false, first, std::min(past, screen_.other_length()), wanted_.by_diagonal};
  cells_before_.assign(tallies_.size() * static_cast<size_t>(screen_.levels()), 0);
  if (wanted_.by_diagonal)
    walker_.walk(lines, tallies_,
                 [&](int64_t line, int64_t m, const Tally& tally) { keep_line(line, m, tally); });
  else
    walker_.walk(lines, tallies_);
}

std::vector<LineCounts> DelayCount::run() {
  const int64_t window = std::max<int64_t>(definitions_.theiler, 1);
  if (screen_.is_cross())
    for (LineCounts& each : counts_) each.cells_in_window.resize(static_cast<size_t>(screen_.levels()));
  else
    walk_diagonals(1, window),
        take([](const Tally& tally, LineCounts& to) { to.cells_in_window = tally.cells(); });
  walk_diagonals(screen_.is_cross() ? 1 - screen_.length() : window, screen_.other_length());
  take([](const Tally& tally, LineCounts& to) { to.cells = tally.cells(), to.diagonal = tally.lines(); });
  if (wanted_.vertical) {
    walker_.walk({true, 0, screen_.other_length(), false}, tallies_);
    take([](const Tally& tally, LineCounts& to) { to.vertical = tally.lines(); });
  }
  return std::move(counts_);
}

// One threshold is quicker by rows; but where columns are not asked for, several m share a walk's cells.
std::vector<LineCounts> count_delay(const Screen& screen, const std::vector<bool>& wanted_m, int64_t tau,
                                    const Definitions& definitions, const WalkOptions& options) {
  const WalkKernel& kernel = options.kernel ? *options.kernel : *walk_kernels().front();
  const bool several = std::count(wanted_m.begin(), wanted_m.end(), true) > 1;
  if (screen.levels() == 1 && (options.wanted.vertical || !several))
    return count_rows(screen, wanted_m, tau, definitions, options.wanted, row_kernel(kernel));
  thread_local WalkMemory memory;
  if (memory.in_use) memory = {};
  memory.in_use = true;
  std::vector<LineCounts> counts =
      DelayCount(screen, wanted_m, tau, definitions, options.wanted, kernel, memory).run();
  memory.in_use = false;
  return counts;
}

}  // namespace

const std::vector<const WalkKernel*>& walk_kernels() {
  static const std::vector<const WalkKernel*> kernels = [] {
    std::vector<const WalkKernel*> found;
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("avx512vbmi2"))
      found.push_back(&kWalkAvx512);
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) found.push_back(&kWalkAvx2);
#endif
    found.push_back(&kWalkPlain);
    return found;
  }();
  return kernels;
}

const char* kernel_name(const WalkKernel& kernel) { return kernel.name; }

void count_lines(const Series& series, const std::vector<int64_t>& m, const std::vector<int64_t>& tau,
                 const std::vector<double>& bounds, const Definitions& definitions,
                 const WalkOptions& options, const VisitCounts& visit) {
  const int64_t longest = std::max(series.length(), options.other ? options.other->length() : 0);
  if (longest > kLongestSeries)
    throw Error({.what = "the series is too long",
                 .expected = text("at most ", kLongestSeries, " samples"),
                 .got = text(longest),
                 .hint = "cut it, or keep every second sample"});
  const int64_t max_m = *std::max_element(m.begin(), m.end());
  const int64_t max_tau = std::min(*std::max_element(tau.begin(), tau.end()), longest);
  const Screen screen(series, options.other, norm_of(series, definitions), bounds, max_m,
                      (max_m - 1) * max_tau);
  const auto count_one = [&](int64_t t) {
    std::vector<bool> wanted_m(static_cast<size_t>(max_m) + 1);
    for (const int64_t each : m)
      wanted_m[each] = each > 1 || t == 0;  // with one delay, tau makes no difference
    const auto counts = count_delay(screen, wanted_m, std::min(tau[t], max_tau), definitions, options);
    for (size_t k = 0; k < m.size(); ++k) {
      if (counts[m[k]].vectors == 0) continue;
      if (m[k] > 1) visit(k, static_cast<size_t>(t), counts[m[k]]);
      for (size_t other = 0; m[k] == 1 && other < tau.size(); ++other) visit(k, other, counts[1]);
    }
  };
  const auto delays = static_cast<int64_t>(tau.size());
  if (options.pool)
    options.pool->parallel_for(delays, count_one);
  else
    for (int64_t t = 0; t < delays; ++t) count_one(t);
}

}  // namespace athanor::rqa
