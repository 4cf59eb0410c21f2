#include "src/rqa/screen.h"

#include <algorithm>
#include <cmath>

namespace athanor::rqa {
namespace {

constexpr double kLargest = 64800;     // what the largest threshold becomes
constexpr double kMostError = 500;     // that still fits above it
constexpr double kRounding = 0x1p-24;  // of one operation in single precision, relative
constexpr double kToWhole = 0.51;      // of a number to a whole one
constexpr float kApart = 1e14F;        // of values beyond the end: more than any two within

}  // namespace

Screen::Screen(const Series& series, const Series* other, Norm norm, std::vector<double> bounds,
               int64_t max_m, int64_t max_delay)
    : joined_(series),
      length_(series.length()),
      other_length_(other ? other->length() : series.length()),
      norm_(norm),
      bounds_(std::move(bounds)) {
  const auto apart = static_cast<size_t>(max_delay + 3 * kWordCells);
  if (other) {
    other_start_ = length_ + static_cast<int64_t>(apart);
    for (size_t k = 0; k < joined_.coordinates.size(); ++k) {
      std::vector<double>& values = joined_.coordinates[k];
      values.resize(static_cast<size_t>(other_start_), values.front());
      values.insert(values.end(), other->coordinates[k].begin(), other->coordinates[k].end());
    }
  }
  scale_ = choose_scale(max_m);
  const double factor = norm_ == Norm::kL2 ? std::sqrt(scale_) : scale_;
  for (const std::vector<double>& from : joined_.coordinates) {
    const auto [low, high] = std::minmax_element(from.begin(), from.end());
    const double middle = (*low + *high) / 2;
    std::vector<float>& to = values_.emplace_back(from.size() + apart);
    for (size_t i = 0; i < from.size(); ++i) to[i] = static_cast<float>((from[i] - middle) * factor);
    const auto far_from = [&](size_t first, size_t past) {
      for (size_t i = first; i < past; ++i)
        to[i] = kApart * static_cast<float>(i - static_cast<size_t>(length_) + 1);
    };
    if (other) far_from(static_cast<size_t>(length_), static_cast<size_t>(other_start_));
    far_from(from.size(), to.size());
    pointers_.push_back(to.data());
  }
  make_tables(max_m);
}

// Also sets error_. Rounding: of both values, of their difference and, for L2, of its square (at most 2^16),
// once a coordinate; then to a whole number.
double Screen::choose_scale(int64_t max_m) {
  const double largest = bounds_.empty() ? 0 : bounds_.back();
  if (!(largest > 0) || !std::isfinite(largest)) return 0;
  const double scale = kLargest / largest, factor = norm_ == Norm::kL2 ? std::sqrt(scale) : scale;
  double half = 0;
  for (const std::vector<double>& from : joined_.coordinates) {
    const auto [low, high] = std::minmax_element(from.begin(), from.end());
    half = std::max(half, (*high - *low) / 2 * factor);
  }
  const double reach = norm_ == Norm::kL2 ? 256 : 65536;  // the largest difference that matters
  const double of_difference = 2 * half * kRounding * 1.01 + reach * kRounding;
  const double of_term =
      norm_ == Norm::kL2 ? 2 * reach * of_difference + of_difference * of_difference : of_difference;
  const auto terms = static_cast<double>(joined_.coordinates.size());
  error_ = kToWhole + terms * (of_term + 2 * 65536 * kRounding);
  const double delays = norm_ == Norm::kLinf ? 1 : static_cast<double>(max_m);
  return delays * error_ + 1 < kMostError ? scale : 0;
}

// Entries all of whose distances lie, errors and all, between two thresholds.
void Screen::make_tables(int64_t max_m) {
  constexpr int64_t kEntries = 65536 >> kTableShift;
  tables_.resize(static_cast<size_t>(max_m) + 1);
  limit_ = scale_ > 0 ? static_cast<uint16_t>(kLargest + kMostError) : kFar;
  for (int64_t m = 1; m <= max_m; ++m) {
    const double error = (norm_ == Norm::kLinf ? 1 : static_cast<double>(m)) * error_ + 0.01;
    std::vector<uint8_t>& table = tables_[static_cast<size_t>(m)];
    table.assign(kEntries + kTableMargin, kUnsure);
    if (scale_ == 0) continue;
    int64_t first = 0;
    for (int64_t level = 0; level <= levels(); ++level) {
      const double end = level < levels() ? std::max(0.0, std::ceil(bounds_[level] * scale_ - error)) : 65536;
      const int64_t past = std::min(kEntries, static_cast<int64_t>(end) >> kTableShift);
      for (int64_t i = first; i < past; ++i) table[i] = static_cast<uint8_t>(level);
      if (level < levels())
        first = (static_cast<int64_t>(bounds_[level] * scale_ + error) >> kTableShift) + 1;
    }
  }
}

Screen::Band Screen::band(int64_t m) const {
  if (scale_ == 0) return {};
  const double delays = norm_ == Norm::kLinf ? 1 : static_cast<double>(m);
  const double error = delays * (error_ - kToWhole) + 0.02, bound = bounds_[0] * scale_;  // and to float
  return {static_cast<float>(bound - error), static_cast<float>(bound + error)};
}

uint8_t Screen::exact_level(int64_t m, int64_t tau, int64_t i, int64_t j) const {
  const double sum = distance_sum(joined_, norm_, m, tau, i, j);
  return static_cast<uint8_t>(std::lower_bound(bounds_.begin(), bounds_.end(), sum) - bounds_.begin());
}

}  // namespace athanor::rqa
