#include "src/rqa/rows.h"

#include <algorithm>
#include <string_view>

#include "src/rqa/rows_kernel.h"
#include "src/rqa/walk.h"

namespace athanor::rqa {
namespace {

// A row's cells, with a word more on either side.
class Bits {
 public:
  explicit Bits(int64_t cells) : words_(static_cast<size_t>(cells / kWordCells + 3)) {}
  uint64_t* words() { return words_.data() + 1; }
  bool at(int64_t place) { return (words()[place / kWordCells] >> (place % kWordCells) & 1) != 0; }
  void set(int64_t place) { words()[place / kWordCells] |= uint64_t{1} << (place % kWordCells); }
  void clear(int64_t place) { words()[place / kWordCells] &= ~(uint64_t{1} << (place % kWordCells)); }
  // In the words from that before `first_word` on.
  void clear_before(int64_t place, int64_t first_word) {
    const int64_t word = place / kWordCells;
    std::fill(words() + first_word - 1, words() + word, 0);
    words()[word] &= ~uint64_t{0} << (place % kWordCells);
  }
  // In the word of `place`.
  void clear_from(int64_t place) { words()[place / kWordCells] &= ~(~uint64_t{0} << (place % kWordCells)); }

 private:
  std::vector<uint64_t> words_;
};

LineLengths line_lengths(const std::vector<int64_t>& counts) {
  LineLengths out;
  for (size_t length = 1; length < counts.size(); ++length) {
    if (counts[length] == 0) continue;
    out.lengths.push_back(static_cast<int64_t>(length));
    out.counts.push_back(counts[length]);
  }
  return out;
}

// The counts of one m.
class RowCount {
 public:
  RowCount(const Screen& screen, int64_t m, int64_t tau, const Definitions& definitions, const Wanted& wanted,
           const RowKernel& kernel);
  int64_t m() const { return m_; }
  int64_t rows() const { return rows_; }
  // Of the row that is taken next: from that of its cell on the main diagonal on, or all.
  uint64_t* words() { return cells_.words(); }
  void settle(int64_t i, int64_t word, uint64_t unsure);
  // past_word: behind the last that has a cell. After the last row one without cells ends what is open.
  void take_row(int64_t i, int64_t past_word, Runs& runs);
  LineCounts counts();

 private:
  void count_window(int64_t i);
  void count_diagonals(int64_t i, Runs& runs);
  void count_columns(int64_t i, Runs& runs);
  void count_own_runs(int64_t i, Runs& runs);

  const Screen& screen_;
  const RowKernel& kernel_;
  Wanted wanted_;
  int64_t m_, tau_, rows_, columns_;
  int64_t window_;                              // |i - j| < window_ has no diagonal lines
  bool runs_through_;                           // vertical lines run through the window
  bool has_main_;                               // and the main diagonal is in them
  int64_t first_word_ = 0, past_word_ = 0;      // in which lines may start or end in this row
  int64_t past_word_before_ = 0;                // behind the last word with a cell of the row before
  Bits cells_, cells_before_;                   // without the window's, once they are counted
  Bits column_cells_, column_cells_before_;     // those of vertical lines
  std::vector<uint32_t> diagonal_starts_;       // [diagonal] rows where the open line began
  std::vector<uint32_t> column_starts_;         // [column] the same
  std::vector<int64_t> diagonals_, verticals_;  // lines by length
  LineCounts out_;
};

RowCount::RowCount(const Screen& screen, int64_t m, int64_t tau, const Definitions& definitions,
                   const Wanted& wanted, const RowKernel& kernel)
    : screen_(screen),
      kernel_(kernel),
      wanted_{wanted.vertical, wanted.by_diagonal && !screen.is_cross()},
      m_(m),
      tau_(tau),
      rows_(screen.length() - (m - 1) * tau),
      columns_(screen.other_length() - (m - 1) * tau),
      window_(std::max<int64_t>(definitions.theiler, 1)),
      runs_through_(screen.is_cross() || definitions.vertical_has_main || definitions.theiler == 0),
      has_main_(!screen.is_cross() && runs_through_ && screen.exact_level(m, tau, 0, 0) == 0),
      cells_(screen.other_length()),  // a kernel writes as many words at every m
      cells_before_(screen.other_length()),
      column_cells_(screen.other_length()),
      column_cells_before_(screen.other_length()),
      diagonal_starts_(static_cast<size_t>(rows_ + columns_ + 1)),
      column_starts_(static_cast<size_t>(columns_ + 1)),
      diagonals_(static_cast<size_t>(std::max(rows_, columns_) + 1)),
      verticals_(diagonals_.size()) {
  out_.vectors = rows_;
  if (screen.is_cross()) out_.other_vectors = columns_;
  out_.cells_in_window.resize(1);
  if (wanted_.by_diagonal) out_.cells_by_diagonal.resize(static_cast<size_t>(rows_));
}

void RowCount::settle(int64_t i, int64_t word, uint64_t unsure) {
  for (; unsure != 0; unsure &= unsure - 1) {
    const int64_t j = word * kWordCells + __builtin_ctzll(unsure);
    if (j < columns_ && screen_.exact_level(m_, tau_, i, screen_.other_start() + j) > 0) cells_.clear(j);
  }
}

void RowCount::take_row(int64_t i, int64_t past_word, Runs& runs) {
  first_word_ = screen_.is_cross() ? 0 : std::min(i, columns_) / kWordCells;
  const int64_t past = std::max(past_word, past_word_before_);
  past_word_before_ = past_word;
  if (past <= first_word_) {
    verticals_[1] += has_main_ && i < columns_;
    return;
  }
  past_word_ = std::min(past, columns_ / kWordCells) + 1;  // shifted bits reach into one more
  if (!screen_.is_cross()) cells_.clear_before(std::min(i + 1, columns_), first_word_);
  cells_.clear_from(columns_);
  if (wanted_.vertical) count_columns(i, runs);
  if (!screen_.is_cross() && window_ > 1) count_window(i);
  count_diagonals(i, runs);
}

// Cells within the Theiler window, which are then taken out.
void RowCount::count_window(int64_t i) {
  const int64_t past = std::min(i + window_, columns_);
  for (int64_t j = i + 1; j < past; ++j) {
    if (!cells_.at(j)) continue;
    ++out_.cells_in_window[0];
    if (wanted_.by_diagonal) ++out_.cells_by_diagonal[j - i];
  }
  cells_.clear_before(past, first_word_);
}

void RowCount::count_diagonals(int64_t i, Runs& runs) {
  kernel_.find_shifted_runs(cells_before_.words(), cells_.words(), first_word_, past_word_, runs);
  const auto row = static_cast<uint32_t>(i);
  const uint32_t up = static_cast<uint32_t>(screen_.is_cross() ? rows_ : 0) - row;
  for (int64_t n = 0; n < runs.end_count; ++n) {
    const uint32_t diagonal = runs.ends[n] + up, length = row - diagonal_starts_[diagonal];
    ++diagonals_[length];
    if (wanted_.by_diagonal) out_.cells_by_diagonal[diagonal] += length;
  }
  for (int64_t n = 0; n < runs.start_count; ++n) diagonal_starts_[runs.starts[n] + up] = row;
  std::swap(cells_, cells_before_);
}

void RowCount::count_columns(int64_t i, Runs& runs) {
  std::copy(cells_.words() + first_word_ - 1, cells_.words() + columns_ / kWordCells + 1,
            column_cells_.words() + first_word_ - 1);
  if (!runs_through_) column_cells_.clear_before(std::min(i + window_, columns_), first_word_);
  const bool meets_main = has_main_ && i < columns_;
  if (meets_main) column_cells_.set(i);
  kernel_.find_runs(column_cells_before_.words(), column_cells_.words(), first_word_, past_word_, runs);
  const auto row = static_cast<uint32_t>(i);
  for (int64_t n = 0; n < runs.end_count; ++n) ++verticals_[row - column_starts_[runs.ends[n]]];
  for (int64_t n = 0; n < runs.start_count; ++n) column_starts_[runs.starts[n]] = row;
  if (!screen_.is_cross()) count_own_runs(i, runs);
  if (meets_main) column_cells_.clear(i);  // the column goes on as this row, not below it
  std::swap(column_cells_, column_cells_before_);
}

// By symmetry the lower part of column i: the first run began in it where it came down to the main
// diagonal.
void RowCount::count_own_runs(int64_t i, Runs& runs) {
  kernel_.find_shifted_runs(column_cells_.words(), column_cells_.words(), first_word_, past_word_, runs);
  if (has_main_ && i < columns_) runs.starts[0] = column_starts_[i];
  for (int64_t n = 0; n < runs.end_count; ++n) ++verticals_[runs.ends[n] - runs.starts[n]];
}

LineCounts RowCount::counts() {
  int64_t cells = 0;
  for (size_t length = 1; length < diagonals_.size(); ++length)
    cells += static_cast<int64_t>(length) * diagonals_[length];
  out_.cells = {cells};
  out_.diagonal = line_lengths(diagonals_);
  if (wanted_.vertical) out_.vertical = line_lengths(verticals_);
  return std::move(out_);
}

// The pass over all rows at one tau, for several m together.
class RowPass {
 public:
  RowPass(const Screen& screen, int64_t tau, const RowKernel& kernel, std::vector<RowCount>& counts);
  void run();

 private:
  int64_t mark(int64_t i);

  const Screen& screen_;
  const RowKernel& kernel_;
  int64_t tau_;
  std::vector<RowCount>& counts_;  // m ascending
  std::vector<RowTerm> terms_;
  std::vector<RowLevel> levels_;
  std::vector<UnsureCells> unsure_;
  std::vector<uint32_t> places_;
  Runs runs_;
};

RowPass::RowPass(const Screen& screen, int64_t tau, const RowKernel& kernel, std::vector<RowCount>& counts)
    : screen_(screen), kernel_(kernel), tau_(tau), counts_(counts) {
  const int64_t columns = screen.other_length(), room = columns + 2 * kWordCells;
  for (int64_t delay = 0; delay < counts.back().m(); ++delay)
    for (const float* values : screen.coordinates())
      terms_.push_back({values + screen.other_start() + delay * tau, 0});
  for (const RowCount& each : counts) {
    const auto terms = each.m() * static_cast<int64_t>(screen.coordinates().size());
    levels_.push_back({terms_.data() + terms, screen.band(each.m()), nullptr, 0});
  }
  unsure_.resize(counts.size() * static_cast<size_t>(columns / kWordCells + 1));
  places_.resize(static_cast<size_t>(3 * room));
  runs_ = {places_.data(), places_.data() + room, places_.data() + 2 * room, 0, 0};
}

int64_t RowPass::mark(int64_t i) {
  const int64_t delays = counts_[levels_.size() - 1].m();
  size_t term = 0;
  for (int64_t delay = 0; delay < delays; ++delay)
    for (const float* values : screen_.coordinates()) terms_[term++].row = values[i + delay * tau_];
  for (size_t n = 0; n < levels_.size(); ++n) levels_[n].words = counts_[n].words();
  const bool cross = screen_.is_cross();
  const Row row{terms_.data(),
                cross ? 0 : i / kWordCells,
                screen_.other_length() / kWordCells + 1,
                cross ? ~uint64_t{0} : ~uint64_t{1} << (i % kWordCells),
                levels_.data(),
                static_cast<int64_t>(levels_.size())};
  return kernel_.mark[static_cast<size_t>(screen_.norm())](row, unsure_.data());
}

void RowPass::run() {
  for (int64_t i = 0; i <= counts_[0].rows(); ++i) {
    for (; !levels_.empty() && i == counts_[levels_.size() - 1].rows(); levels_.pop_back()) {
      RowCount& done = counts_[levels_.size() - 1];
      std::fill_n(done.words(), screen_.other_length() / kWordCells + 1, 0);
      done.take_row(i, 0, runs_);
    }
    if (levels_.empty()) break;
    const int64_t unsure = mark(i);
    for (int64_t n = 0; n < unsure; ++n)
      counts_[unsure_[n].level].settle(i, unsure_[n].word, unsure_[n].bits);
    for (size_t n = 0; n < levels_.size(); ++n) counts_[n].take_row(i, levels_[n].past_word, runs_);
  }
}

}  // namespace

const RowKernel& row_kernel(const WalkKernel& kernel) {
#if defined(__x86_64__)
  for (const RowKernel* each : {&kRowsAvx512, &kRowsAvx2})
    if (std::string_view(each->name) == kernel_name(kernel)) return *each;
#endif
  return kRowsPlain;
}

std::vector<LineCounts> count_rows(const Screen& screen, const std::vector<bool>& wanted_m, int64_t tau,
                                   const Definitions& definitions, const Wanted& wanted,
                                   const RowKernel& kernel) {
  std::vector<LineCounts> out(wanted_m.size());
  std::vector<RowCount> counts;
  const int64_t shortest = std::min(screen.length(), screen.other_length());
  for (int64_t m = 1; m < static_cast<int64_t>(wanted_m.size()); ++m)
    if (wanted_m[m] && shortest - (m - 1) * tau >= 2)
      counts.emplace_back(screen, m, tau, definitions, wanted, kernel);
  if (counts.empty()) return out;
  RowPass(screen, tau, kernel, counts).run();
  for (RowCount& each : counts) out[each.m()] = each.counts();
  return out;
}

}  // namespace athanor::rqa
