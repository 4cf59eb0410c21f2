#include "src/rqa/statistics.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <mutex>
#include <numeric>

#include "src/core/error.h"
#include "src/core/random.h"
#include "src/core/text.h"
#include "src/rqa/distributions.h"

namespace athanor::rqa {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
constexpr double kNormal975 = 1.959963984540054;
constexpr int64_t kMostSubjects = 16000;  // twice a rank fits into 16 bits
constexpr int64_t kBlock = 128;           // columns whose ranks stay in the first cache
constexpr double kSame = 1e-10;           // relative difference of one H summed in two orders, and much more

struct Moments {
  double n = 0, mean = 0, variance = 0;  // of the sample, over n - 1
};

std::vector<Moments> moments_of(const double* values, const Groups& groups) {
  std::vector<Moments> out(groups.sizes.size());
  for (int64_t i = 0; i < groups.subjects(); ++i) {
    Moments& each = out[groups.of_subject[i]];
    each.n += 1, each.mean += values[i];
  }
  for (Moments& each : out) each.mean /= each.n;
  for (int64_t i = 0; i < groups.subjects(); ++i) {
    Moments& each = out[groups.of_subject[i]];
    each.variance += (values[i] - each.mean) * (values[i] - each.mean);
  }
  for (Moments& each : out) each.variance = each.n > 1 ? each.variance / (each.n - 1) : kNone;
  return out;
}

// H from Σ_g S_g² / n_g of doubled ranks' sums S_g, before the correction for ties.
double h_of(double squares, double n) { return squares * (3 / (n * (n + 1))) - 3 * (n + 1); }

// What H is divided by for ties.
double tie_factor(double ties, double n) { return 1 - ties / (n * n * n - n); }

// The largest of h_of(squares[c], n) * factors[c], eight columns side by side.
double largest_h(const std::array<double, kBlock>& squares, const std::array<double, kBlock>& factors,
                 double n) {
  constexpr int64_t kLanes = 8;
  std::array<double, kLanes> largest;
  largest.fill(-std::numeric_limits<double>::infinity());
  for (int64_t c = 0; c < kBlock; c += kLanes)
    for (int64_t lane = 0; lane < kLanes; ++lane) {
      const double h = h_of(squares[c + lane], n) * factors[c + lane];
      largest[lane] = h > largest[lane] ? h : largest[lane];
    }
  return *std::max_element(largest.begin(), largest.end());
}

}  // namespace

Groups::Groups(std::vector<int> group_of_subject) : of_subject(std::move(group_of_subject)) {
  for (const int group : of_subject) {
    if (group >= count()) sizes.resize(group + 1);
    ++sizes[group];
  }
  if (count() < 2 || std::count(sizes.begin(), sizes.end(), 0) > 0)
    throw Error({.what = text("group tests need subjects in each of two groups or more"),
                 .got = text(subjects(), " subjects in ", count(), " groups")});
}

double double_ranks(const double* values, int64_t count, uint16_t* ranks) {
  std::vector<std::pair<double, int64_t>> order(count);
  for (int64_t i = 0; i < count; ++i) order[i] = {values[i], i};
  std::sort(order.begin(), order.end());
  double ties = 0;
  for (int64_t first = 0, last = 0; first < count; first = last) {
    while (last < count && order[last].first == order[first].first) ++last;
    for (int64_t i = first; i < last; ++i) ranks[order[i].second] = static_cast<uint16_t>(first + 1 + last);
    const auto same = static_cast<double>(last - first);
    ties += same * same * same - same;
  }
  return ties;
}

KruskalWallis kruskal_wallis(const double* values, const Groups& groups) {
  const auto n = static_cast<double>(groups.subjects());
  std::vector<uint16_t> ranks(groups.of_subject.size());
  const double factor = tie_factor(double_ranks(values, groups.subjects(), ranks.data()), n);
  if (factor <= 0) return {kNone, kNone};
  std::vector<double> sums(groups.sizes.size());
  for (int64_t i = 0; i < groups.subjects(); ++i) sums[groups.of_subject[i]] += ranks[i];
  double squares = 0;
  for (int64_t g = 0; g < groups.count(); ++g)
    squares += sums[g] * sums[g] / static_cast<double>(groups.sizes[g]);
  const double h = h_of(squares, n) / factor;
  return {h, chi_squared_upper(h, static_cast<double>(groups.count() - 1))};
}

WelchAnova welch_anova(const double* values, const Groups& groups) {
  const std::vector<Moments> moments = moments_of(values, groups);
  const auto k = static_cast<double>(groups.count());
  double weights = 0, mean = 0;
  for (const Moments& each : moments) {
    if (!(each.variance > 0)) return {kNone, k - 1, kNone, kNone};
    weights += each.n / each.variance, mean += each.n / each.variance * each.mean;
  }
  mean /= weights;
  double between = 0, spread = 0;
  for (const Moments& each : moments) {
    const double weight = each.n / each.variance, rest = 1 - weight / weights;
    between += weight * (each.mean - mean) * (each.mean - mean) / (k - 1);
    spread += rest * rest / (each.n - 1) / (k * k - 1);
  }
  WelchAnova out{between / (1 + 2 * (k - 2) * spread), k - 1, 1 / (3 * spread), 0};
  out.p = f_upper(out.f, out.df1, out.df2);
  return out;
}

EffectSize hedges_g(const double* values, const Groups& groups, int a, int b) {
  const std::vector<Moments> moments = moments_of(values, groups);
  const Moments &first = moments[a], &second = moments[b];
  const double n = first.n + second.n, df = n - 2;
  const auto squares = [](const Moments& each) { return each.n > 1 ? (each.n - 1) * each.variance : 0; };
  const double pooled = std::sqrt((squares(first) + squares(second)) / df);
  if (n < 4 || !(pooled > 0)) return {kNone, kNone, kNone, kNone};
  const double g = (first.mean - second.mean) / pooled * (1 - 3 / (4 * n - 9));
  const double variance = n / (first.n * second.n) + g * g / (2 * (n - 3.94));
  const double reach = kNormal975 * std::sqrt(variance);
  return {g, variance, g - reach, g + reach};
}

std::vector<double> benjamini_hochberg(const std::vector<double>& p) {
  std::vector<int64_t> order;
  for (size_t i = 0; i < p.size(); ++i)
    if (!std::isnan(p[i])) order.push_back(static_cast<int64_t>(i));
  std::sort(order.begin(), order.end(), [&](int64_t a, int64_t b) { return p[a] < p[b]; });
  std::vector<double> q(p.size(), kNone);
  const auto tests = static_cast<double>(order.size());
  double least = 1;
  for (size_t rank = order.size(); rank > 0; --rank) {
    least = std::min(least, p[order[rank - 1]] * tests / static_cast<double>(rank));
    q[order[rank - 1]] = least;
  }
  return q;
}

MaxT::MaxT(const Groups& groups, const std::vector<std::vector<int64_t>>& orders) : groups_(groups) {
  if (groups.subjects() > kMostSubjects)
    throw Error({.what = "too many subjects for ranks of 16 bits",
                 .expected = text(kMostSubjects, " at most"),
                 .got = text(groups.subjects())});
  for (const std::vector<int64_t>& order : orders) {
    std::vector<int64_t> members;
    for (int g = 0; g + 1 < groups.count(); ++g)
      for (int64_t i = 0; i < groups.subjects(); ++i)
        if (groups.of_subject[order[i]] == g) members.push_back(i);
    members_.push_back(std::move(members));
  }
  largest_.resize(orders.size(), -std::numeric_limits<double>::infinity());
}

MaxT::MaxT(const Groups& groups, int64_t permutations, uint64_t seed)
    : MaxT(groups, [&] {
        std::vector<std::vector<int64_t>> orders;
        for (int64_t b = 0; b < permutations; ++b)
          orders.push_back(permutation(groups.subjects(), mix_seed(seed, b)));
        return orders;
      }()) {}

template <class Sum>
void MaxT::add_block(const double* values, int64_t columns, std::vector<double>& largest) const {
  const int64_t subjects = groups_.subjects(), group_count = groups_.count();
  const auto n = static_cast<double>(subjects);
  std::vector<Sum> ranks(subjects * kBlock);
  std::vector<uint16_t> column(subjects);
  std::array<double, kBlock> factors{};  // 0 where the block has no column: H 0, which is never the largest
  for (int64_t c = 0; c < columns; ++c) {
    factors[c] = 1 / tie_factor(double_ranks(values + c * subjects, subjects, column.data()), n);
    for (int64_t i = 0; i < subjects; ++i) ranks[i * kBlock + c] = column[i];
  }
  const Sum total = static_cast<Sum>(subjects * (subjects + 1));
  for (size_t b = 0; b < members_.size(); ++b) {
    std::array<double, kBlock> squares{};
    std::array<Sum, kBlock> rest;
    rest.fill(total);
    const auto take = [&](const std::array<Sum, kBlock>& sums, int64_t size) {
      const double weight = 1 / static_cast<double>(size);
      for (int64_t c = 0; c < kBlock; ++c) {
        const auto sum = static_cast<double>(static_cast<int32_t>(sums[c]));
        squares[c] += sum * sum * weight;
      }
    };
    const int64_t* member = members_[b].data();
    for (int64_t g = 0; g + 1 < group_count; ++g) {
      std::array<Sum, kBlock> sums{};
      for (int64_t i = 0; i < groups_.sizes[g]; ++i) {
        const Sum* row = &ranks[*member++ * kBlock];
        for (int64_t c = 0; c < kBlock; ++c) sums[c] = static_cast<Sum>(sums[c] + row[c]);
      }
      for (int64_t c = 0; c < kBlock; ++c) rest[c] = static_cast<Sum>(rest[c] - sums[c]);
      take(sums, groups_.sizes[g]);
    }
    take(rest, groups_.sizes[group_count - 1]);
    largest[b] = std::max(largest[b], largest_h(squares, factors, n));
  }
}

void MaxT::add(const double* values, int64_t columns, ThreadPool& pool) {
  const int64_t subjects = groups_.subjects(), blocks = (columns + kBlock - 1) / kBlock;
  const bool small = subjects * (subjects + 1) <= std::numeric_limits<uint16_t>::max();
  std::mutex mutex;
  pool.parallel_for(blocks, [&](int64_t block) {
    std::vector<double> largest(largest_.size(), -std::numeric_limits<double>::infinity());
    const int64_t first = block * kBlock, count = std::min(kBlock, columns - first);
    if (small)
      add_block<uint16_t>(values + first * subjects, count, largest);
    else
      add_block<uint32_t>(values + first * subjects, count, largest);
    const std::lock_guard lock(mutex);
    for (size_t b = 0; b < largest.size(); ++b) largest_[b] = std::max(largest_[b], largest[b]);
  });
}

double MaxT::adjusted_p(double h) const {
  const double least = h - kSame * std::abs(h);
  const auto reached =
      std::count_if(largest_.begin(), largest_.end(), [&](double each) { return each >= least; });
  return static_cast<double>(1 + reached) / static_cast<double>(1 + largest_.size());
}

}  // namespace athanor::rqa
