// Do groups differ, by how much, and which of thousands of such findings hold? Pure functions over plain
// vectors. W. Kruskal and W. Wallis (1952); B. Welch (1951); L. Hedges (1981) and L. Hedges and I. Olkin
// (1985); Y. Benjamini and Y. Hochberg (1995); P. Westfall and S. Young (1993). Left out: mixed models
// (subjects' means stand for them).
#pragma once

#include <cstdint>
#include <vector>

#include "src/core/thread_pool.h"

namespace athanor::rqa {

// Subjects' group numbers 0..G-1, G >= 2, each group with at least one subject.
struct Groups {
  std::vector<int> of_subject;
  std::vector<int64_t> sizes;  // [G]
  explicit Groups(std::vector<int> group_of_subject);
  int64_t subjects() const { return static_cast<int64_t>(of_subject.size()); }
  int64_t count() const { return static_cast<int64_t>(sizes.size()); }
};

struct KruskalWallis {
  double h = 0, p = 0;  // H corrected for ties, chi-squared with G - 1; NaN for a constant column
};
// values [subjects], finite.
KruskalWallis kruskal_wallis(const double* values, const Groups& groups);

struct WelchAnova {
  double f = 0, df1 = 0, df2 = 0, p = 0;  // NaN where a group has fewer than 2 subjects or no variance
};
WelchAnova welch_anova(const double* values, const Groups& groups);

// Hedges' g of group a less group b: the difference of means over the pooled standard deviation, times
// J = 1 - 3 / (4 (n_a + n_b) - 9). Its variance (n_a + n_b) / (n_a n_b) + g² / (2 (n_a + n_b - 3.94)); the
// interval is g ± 1.96 of its roots. NaN where the pooled deviation is 0 or n_a + n_b < 4.
struct EffectSize {
  double g = 0, variance = 0, low = 0, high = 0;
};
EffectSize hedges_g(const double* values, const Groups& groups, int a, int b);

// The smallest false-discovery rates at which each is found (p values adjusted upwards). NaN takes no part.
std::vector<double> benjamini_hochberg(const std::vector<double>& p);

// Twice the ranks (1 based) of values [count], ties at their mean: whole numbers. -> Σ (t³ - t) over ties.
double double_ranks(const double* values, int64_t count, uint16_t* ranks);

// Single-step max-T over columns that come in any order and amount: subjects' group labels are permuted, the
// same way for all columns, and each permutation keeps the largest H of all. Controls the chance of any false
// finding.
class MaxT {
 public:
  // Permutation b is made from (seed, b) alone. Throws Error for more than 16,000 subjects.
  MaxT(const Groups& groups, int64_t permutations, uint64_t seed);
  // The same with permutations of one's own: orders [B][subjects]; subject i is put into the group of
  // orders[b][i].
  MaxT(const Groups& groups, const std::vector<std::vector<int64_t>>& orders);

  // values [columns][subjects], finite, no column constant. Not to be called by two threads at once.
  void add(const double* values, int64_t columns, ThreadPool& pool);
  // (1 + permutations whose largest H is at least h) / (1 + permutations)
  double adjusted_p(double h) const;
  const std::vector<double>& largest() const { return largest_; }  // [B]

 private:
  template <class Sum>
  void add_block(const double* values, int64_t columns, std::vector<double>& largest) const;

  Groups groups_;
  std::vector<std::vector<int64_t>> members_;  // [B]: subjects of group 0, of group 1, …, but of the last
  std::vector<double> largest_;
};

}  // namespace athanor::rqa
