#include "src/rqa/walk.h"

#include <algorithm>
#include <array>

#include "src/core/error.h"
#include "src/core/text.h"
#include "src/rqa/walk_kernel.h"

namespace athanor::rqa {
namespace {

constexpr int64_t kBlockWords = 128;        // or one line
constexpr int64_t kLongestSeries = 80'000;  // beyond it the lines of one length could be more than 2^31
constexpr int64_t kFront = kWordCells;      // room before the first level

// Lines of length 2 and more of one m, and recurrent cells by level.
class Tally {
 public:
  Tally(int64_t vectors, int64_t thresholds)
      : stride_(thresholds + 1), differences_(static_cast<size_t>((vectors + 1) * stride_)) {}

  void add_cell(uint8_t level) { ++cells_[level]; }
  // Of the thresholds [first, past).
  void add_line(int64_t length, int first, int past) {
    int32_t* row = differences_.data() + length * stride_;
    ++row[first];
    --row[past];
    longest_ = std::max(longest_, length);
  }
  std::vector<int64_t> cells() const;
  LineLengths lines() const;
  void clear();

 private:
  int64_t stride_, longest_ = 1;
  std::vector<int32_t> differences_;  // [length, E+1]: of the counts at a threshold and at the one below
  std::array<int64_t, 256> cells_{};  // by level
};

std::vector<int64_t> Tally::cells() const {
  std::vector<int64_t> cells(static_cast<size_t>(stride_ - 1));
  int64_t sum = 0;
  for (size_t e = 0; e < cells.size(); ++e) cells[e] = sum += cells_[e];
  return cells;
}

// Those of length 1 are the cells that no longer line has.
LineLengths Tally::lines() const {
  const int64_t thresholds = stride_ - 1;
  LineLengths out;
  std::vector<int64_t> single = cells();
  out.lengths.push_back(1);
  out.counts.resize(static_cast<size_t>(thresholds));
  for (int64_t length = 2; length <= longest_; ++length) {
    const int32_t* row = differences_.data() + length * stride_;
    int32_t any = 0;
    for (int64_t e = 0; e < stride_; ++e) any |= row[e];
    if (any == 0) continue;
    out.lengths.push_back(length);
    int64_t sum = 0;
    for (int64_t e = 0; e < thresholds; ++e) {
      out.counts.push_back(sum += row[e]);
      single[static_cast<size_t>(e)] -= length * sum;
    }
  }
  std::copy(single.begin(), single.end(), out.counts.begin());
  if (std::all_of(single.begin(), single.end(), [](int64_t count) { return count == 0; })) {
    out.lengths.erase(out.lengths.begin());
    out.counts.erase(out.counts.begin(), out.counts.begin() + thresholds);
  }
  return out;
}

void Tally::clear() {
  std::fill_n(differences_.begin(), (longest_ + 1) * stride_, 0);
  cells_.fill(0);
  longest_ = 1;
}

// A run of lines: above the main diagonal by distance from it, or columns.
struct Lines {
  bool columns = false;
  int64_t first = 0, past = 0;
  bool one_by_one = false;
};

// One thread's walk along the lines of one tau.
class Walker {
 public:
  Walker(const Screen& screen, const WalkKernel& kernel, const Definitions& definitions, int64_t tau);
  // tallies: by m, null where m is not wanted. after_line(line, m, tally) if lines are one by one.
  using AfterLine = std::function<void(int64_t line, int64_t m, Tally& tally)>;
  void walk(const Lines& lines, const std::vector<Tally*>& tallies, const AfterLine& after_line = {});

 private:
  int64_t words_of(const Lines& lines, int64_t line) const {
    return (lines.columns ? screen_.length() : screen_.length() - line) / kWordCells + 1;
  }
  void lay_out(const Lines& lines, int64_t line, int64_t word);
  void take_window_out(int64_t line, int64_t word);
  void drop_beyond(int64_t delay);
  void tally_block(int64_t m, bool columns, Tally& tally);
  void find_levels(int64_t count, int64_t m, bool columns, Tally& tally);
  void close_lines(int64_t count, int64_t changes, Tally& tally);

  const Screen& screen_;
  const WalkKernel& kernel_;
  const Definitions& definitions_;
  int64_t tau_;
  Coordinates x_;
  std::vector<int32_t> i_, j_;
  std::vector<uint16_t> distances_;
  std::vector<uint32_t> alive_, places_, changes_;
  std::vector<uint64_t> cells_;
  std::vector<uint8_t> levels_, pairs_;
  LineBlock block_{};
};

Walker::Walker(const Screen& screen, const WalkKernel& kernel, const Definitions& definitions, int64_t tau)
    : screen_(screen), kernel_(kernel), definitions_(definitions), tau_(tau) {
  x_ = {screen.coordinates().data(), static_cast<int64_t>(screen.coordinates().size())};
  const auto words = static_cast<size_t>(std::max(kBlockWords, screen.length() / kWordCells + 1));
  const size_t cells = words * kWordCells + kFront + 2 * kWordCells;
  i_.resize(words), j_.resize(words), alive_.resize(words + 1), cells_.resize(words + 1);
  distances_.resize(cells), places_.resize(cells), changes_.resize(cells), levels_.resize(cells),
      pairs_.resize(cells);
  block_ = {i_.data(), j_.data(), distances_.data(), alive_.data(), cells_.data(), 0};
}

void Walker::lay_out(const Lines& lines, int64_t line, int64_t word) {
  const int64_t cells = lines.columns ? screen_.length() : screen_.length() - line;
  const int64_t words = (cells + kWordCells - 1) / kWordCells, before = block_.alive_count;
  for (int64_t w = 0; w < words; ++w) {
    i_[word + w] = static_cast<int32_t>(w * kWordCells);
    j_[word + w] = static_cast<int32_t>(lines.columns ? line : w * kWordCells + line);
  }
  kernel_.start[static_cast<size_t>(screen_.norm())][lines.columns](x_, block_, word, words, screen_.limit());
  if (lines.columns && !definitions_.vertical_has_main && block_.alive_count > before)
    take_window_out(line, word);
}

// Cells of the column that are nearer to the main diagonal than the Theiler window are no line's, at any m.
void Walker::take_window_out(int64_t line, int64_t word) {
  const int64_t last = std::min(screen_.length(), line + definitions_.theiler);
  for (int64_t i = std::max<int64_t>(0, line - definitions_.theiler + 1); i < last; ++i) {
    const auto w = static_cast<uint32_t>(word + i / kWordCells);
    distances_[static_cast<size_t>(word * kWordCells + i)] = kFar;
    for (int64_t n = block_.alive_count; n-- > 0 && alive_[n] >= w;)
      if (alive_[n] == w) cells_[n] &= ~(uint64_t{1} << (i % kWordCells));
  }
}

// Columns beyond the last delay vector.
void Walker::drop_beyond(int64_t delay) {
  int64_t kept = 0;
  for (int64_t n = 0; n < block_.alive_count; ++n) {
    alive_[kept] = alive_[n];
    cells_[kept] = cells_[n];
    kept += j_[alive_[n]] + delay < screen_.length();
  }
  block_.alive_count = kept;
}

void Walker::walk(const Lines& lines, const std::vector<Tally*>& tallies, const AfterLine& after_line) {
  const auto max_m = static_cast<int64_t>(tallies.size()) - 1, capacity = static_cast<int64_t>(i_.size());
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
      if (lines.columns && line - 1 + delay >= screen_.length()) drop_beyond(delay);
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
  const int64_t count = kernel_.places(block_, places_.data() + kFront);
  if (count == 0) return;
  find_levels(count, m, columns, tally);
  const auto none = static_cast<uint8_t>(screen_.levels());
  places_[kFront - 1] = places_[kFront] - 2;  // which the first does not follow
  pairs_[kFront - 1] = none;
  const Levels levels{places_.data() + kFront, levels_.data() + kFront, pairs_.data() + kFront,
                      changes_.data()};
  close_lines(count, kernel_.changes(levels, count, none), tally);
}

void Walker::find_levels(int64_t count, int64_t m, bool columns, Tally& tally) {
  const uint8_t* table = screen_.table(m).data();
  for (int64_t n = kFront; n < kFront + count; ++n) {
    const uint32_t place = places_[n];
    uint8_t level = table[distances_[place] >> Screen::kTableShift];
    if (level == kUnsure) [[unlikely]] {
      const int64_t word = place / kWordCells, cell = place % kWordCells;
      level = screen_.exact_level(m, tau_, i_[word] + cell, j_[word] + (columns ? 0 : cell));
    }
    levels_[n] = level;
    tally.add_cell(level);
  }
}

// Lines of the thresholds [level, the one below on the stack) began at `start`.
void Walker::close_lines(int64_t count, int64_t changes, Tally& tally) {
  struct Open {
    int upto;
    uint32_t start;
  };
  std::array<Open, kMostThresholds + 1> open;
  int depth = 0, level = static_cast<int>(screen_.levels());
  const int none = level;
  const auto rise_to = [&](int to, uint32_t end) {
    while (level < to) {
      const Open& last = open[static_cast<size_t>(depth - 1)];
      const int upto = std::min(last.upto, to);
      tally.add_line(end - last.start, level, upto);
      depth -= last.upto <= to;
      level = upto;
    }
  };
  for (int64_t n = 0; n < changes; ++n) {
    const uint32_t at = changes_[n] + kFront;
    const int next = pairs_[at];
    if (next < level) {
      open[static_cast<size_t>(depth++)] = {level, places_[at] - 1};
      level = next;
    } else {
      rise_to(next, places_[at - 1] + 1);
    }
  }
  rise_to(none, places_[kFront + count - 1] + 1);
}

// All counts of one tau.
void count_delay(const Screen& screen, const WalkKernel& kernel, const std::vector<bool>& wanted_m,
                 int64_t tau, const Definitions& definitions, const Wanted& wanted,
                 const std::function<void(int64_t m, const LineCounts&)>& visit) {
  const int64_t length = screen.length(), thresholds = screen.levels();
  Walker walker(screen, kernel, definitions, tau);
  std::vector<std::unique_ptr<Tally>> memory(wanted_m.size());
  std::vector<Tally*> tallies(wanted_m.size());
  std::vector<LineCounts> counts(wanted_m.size());
  for (size_t m = 1; m < wanted_m.size(); ++m) {
    const int64_t vectors = length - (static_cast<int64_t>(m) - 1) * tau;
    if (!wanted_m[m] || vectors < 2) continue;
    memory[m] = std::make_unique<Tally>(vectors, thresholds);
    tallies[m] = memory[m].get();
    counts[m].vectors = vectors;
    if (wanted.by_diagonal) counts[m].cells_by_diagonal.resize(static_cast<size_t>(thresholds * vectors));
  }
  const auto for_each = [&](const auto& body) {
    for (size_t m = 1; m < tallies.size(); ++m)
      if (tallies[m]) body(*tallies[m], counts[m]), tallies[m]->clear();
  };
  std::vector<int64_t> before(wanted_m.size() * static_cast<size_t>(thresholds));
  const auto after_line = [&](int64_t line, int64_t m, Tally& tally) {
    const std::vector<int64_t> cells = tally.cells();
    for (int64_t e = 0; e < thresholds; ++e) {
      int64_t& sum = before[m * thresholds + e];
      counts[m].cells_by_diagonal[e * counts[m].vectors + line] = cells[e] - sum;
      sum = cells[e];
    }
  };
  const auto diagonals = [&](int64_t first, int64_t past) {
    std::fill(before.begin(), before.end(), 0);
    walker.walk({false, first, std::min(past, length), wanted.by_diagonal}, tallies,
                wanted.by_diagonal ? Walker::AfterLine(after_line) : Walker::AfterLine());
  };
  const int64_t window = std::max<int64_t>(definitions.theiler, 1);
  diagonals(1, window);
  for_each([](Tally& tally, LineCounts& to) { to.cells_in_window = tally.cells(); });
  diagonals(window, length);
  for_each([](Tally& tally, LineCounts& to) { to.cells = tally.cells(), to.diagonal = tally.lines(); });
  if (wanted.vertical) {
    walker.walk({true, 0, length, false}, tallies);
    for_each([](Tally& tally, LineCounts& to) { to.vertical = tally.lines(); });
  }
  for (size_t m = 1; m < tallies.size(); ++m)
    if (tallies[m]) visit(static_cast<int64_t>(m), counts[m]);
}

}  // namespace

const std::vector<const WalkKernel*>& walk_kernels() {
  static const std::vector<const WalkKernel*> kernels = [] {
    std::vector<const WalkKernel*> found;
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
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
  if (series.length() > kLongestSeries)
    throw Error({.what = "the series is too long",
                 .expected = text("at most ", kLongestSeries, " samples"),
                 .got = text(series.length()),
                 .hint = "cut it, or keep every second sample"});
  const int64_t max_m = *std::max_element(m.begin(), m.end());
  const int64_t max_tau = std::min(*std::max_element(tau.begin(), tau.end()), series.length());
  const Screen screen(series, norm_of(series, definitions), bounds, max_m, (max_m - 1) * max_tau);
  const WalkKernel& kernel = options.kernel ? *options.kernel : *walk_kernels().front();
  const auto count_one = [&](int64_t t) {
    std::vector<bool> wanted_m(static_cast<size_t>(max_m) + 1);
    for (const int64_t each : m)
      wanted_m[each] = each > 1 || t == 0;  // with one delay, tau makes no difference
    count_delay(screen, kernel, wanted_m, std::min(tau[t], max_tau), definitions, options.wanted,
                [&](int64_t counted, const LineCounts& counts) {
                  for (size_t k = 0; k < m.size(); ++k)
                    for (size_t other = 0; m[k] == counted && other < tau.size(); ++other)
                      if (counted == 1 || other == static_cast<size_t>(t)) visit(k, other, counts);
                });
  };
  const auto delays = static_cast<int64_t>(tau.size());
  if (options.pool)
    options.pool->parallel_for(delays, count_one);
  else
    for (int64_t t = 0; t < delays; ++t) count_one(t);
}

}  // namespace athanor::rqa
