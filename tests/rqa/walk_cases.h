// Awkward series, grids and definitions, for the tests of whatever counts lines.
#pragma once

#include <array>
#include <cmath>
#include <map>
#include <set>

#include "src/core/random.h"
#include "src/rqa/line_counts.h"

namespace athanor::rqa {

struct WalkCase {
  Series series;
  std::vector<int64_t> m, tau;
  std::vector<double> eps;
  Definitions definitions;
  Wanted wanted;
};

inline double awkward_value(Rng& rng, int kind, double last) {
  if (kind == 0) return static_cast<double>(rng.below(12)) * 0.05;  // many distances exactly on a threshold
  if (kind == 1) return rng.normal();
  if (kind == 2) return rng.below(10) == 0 ? rng.uniform() : last + 0.01 * rng.normal();  // fixations
  return rng.below(50) == 0 ? 1e6 * rng.uniform()
                            : last + 0.001 * rng.normal();  // thresholds far below the range
}

// 1 to 300 samples of 1 to 3 coordinates, m up to 10, up to 60 thresholds, all norms and Theiler windows.
inline WalkCase random_walk_case(uint64_t seed) {
  Rng rng(seed);
  WalkCase out;
  const auto length = static_cast<size_t>(1 + rng.below(rng.below(8) == 0 ? 300 : 90));
  const int kind = static_cast<int>(rng.below(4));
  out.series.coordinates.resize(1 + rng.below(3));
  for (auto& values : out.series.coordinates) {
    double last = 0;
    for (size_t i = 0; i < length; ++i) values.push_back(last = awkward_value(rng, kind, last));
  }
  for (int64_t m = 1; m <= 10; ++m)
    if (rng.below(3) == 0) out.m.push_back(m);
  if (out.m.empty()) out.m = {2};
  out.tau = {1 + static_cast<int64_t>(rng.below(9)), 1 + static_cast<int64_t>(rng.below(3))};
  std::set<double> eps;
  const size_t thresholds = 1 + rng.below(rng.below(4) == 0 ? 60 : 6);
  while (eps.size() < thresholds)
    eps.insert(kind == 0 ? 0.05 * static_cast<double>(rng.below(80)) : rng.uniform());
  out.eps.assign(eps.begin(), eps.end());
  const Norm norm = static_cast<Norm>(rng.below(3));
  out.definitions.norm_1d = out.definitions.norm_2d = norm;
  out.definitions.strict = rng.below(2) == 0;
  out.definitions.squared = rng.below(2) == 0;
  out.definitions.theiler = std::array<int64_t, 3>{0, 1, 5}[rng.below(3)];
  out.definitions.vertical_has_main = rng.below(2) == 0;
  out.wanted = {rng.below(2) == 0, rng.below(3) == 0};
  return out;
}

// By the places of m and tau, where two delay vectors or more remain.
// Values that single precision cannot tell apart, and with an offset those that only it takes away.
inline WalkCase close_values(double offset) {
  WalkCase out{.m = {1, 2}, .tau = {1}, .eps = {0.05, 0.1}};
  out.wanted.vertical = true;
  out.series.coordinates = {
      {0, 0.05, 0.05 + 1e-15, 0.1, std::nextafter(0.05, 0), 0.15, 0.1 + 2e-16, 0, 0.05}};
  for (double& value : out.series.coordinates[0]) value += offset;
  return out;
}

// What a test has compared: it must not be little.
struct Compared {
  int64_t matrices = 0, lines = 0, empty = 0;  // empty: cases without a matrix
  void add(const LineCounts& each) {
    ++matrices;
    for (const int64_t length : each.diagonal.lengths) lines += length > 1;
  }
};

using CountsByPlace = std::map<std::pair<size_t, size_t>, LineCounts>;
inline CountsByPlace plain_counts(const WalkCase& each, const std::vector<double>& bounds) {
  CountsByPlace out;
  for (size_t m = 0; m < each.m.size(); ++m)
    for (size_t tau = 0; tau < each.tau.size(); ++tau)
      if (each.series.length() - (each.m[m] - 1) * each.tau[tau] >= 2)
        out[{m, tau}] =
            count_lines_plainly(each.series, each.m[m], each.tau[tau], bounds, each.definitions, each.wanted);
  return out;
}

}  // namespace athanor::rqa
