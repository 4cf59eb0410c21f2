#include "src/rqa/gaze_events.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace athanor::rqa {
namespace {

// What the features are made of.
struct Sums {
  double fixations = 0, fixation_ms = 0;
  double saccades = 0, amplitudes = 0, peak_per_s = 0, regressions = 0;
};

// Samples [first, last] between two saccades.
void add_fixation(const std::vector<double>& times_ms, size_t first, size_t last, const GazeRules& rules,
                  Sums& sums) {
  const double duration_ms = times_ms[last] - times_ms[first];
  if (duration_ms < rules.fixation_min_ms) return;
  sums.fixations += 1;
  sums.fixation_ms += duration_ms;
}

// From sample `first`, where the gaze still rests, to sample `last`, where it rests again.
void add_saccade(const std::vector<double>& x, const std::vector<double>& y, size_t first, size_t last,
                 Sums& sums) {
  sums.saccades += 1;
  sums.amplitudes += std::hypot(x[last] - x[first], y[last] - y[first]);
  sums.regressions += x[last] < x[first] ? 1 : 0;
}

GazeFeatures features_of(const Sums& sums) {
  constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
  const double fixation_mean = sums.fixations > 0 ? sums.fixation_ms / sums.fixations : kNone;
  const double amplitude_mean = sums.saccades > 0 ? sums.amplitudes / sums.saccades : kNone;
  const double peak = sums.saccades > 0 ? sums.peak_per_s : kNone;
  return {sums.fixation_ms, sums.fixations,  fixation_mean, sums.saccades,
          amplitude_mean,   sums.amplitudes, peak,          sums.regressions};
}

}  // namespace

GazeFeatures find_gaze_features(const std::vector<double>& x, const std::vector<double>& y,
                                const std::vector<double>& times_ms, const GazeRules& rules) {
  if (times_ms.empty()) {
    GazeFeatures none;
    none.fill(std::numeric_limits<double>::quiet_NaN());
    return none;
  }
  Sums sums;
  size_t first = 0;  // of the run of steps of one kind that goes on
  bool moving = false;
  for (size_t i = 1; i <= x.size(); ++i) {
    bool moves = false;
    if (i < x.size()) {
      const double step_ms = times_ms[i] - times_ms[i - 1];
      const double speed_per_s = 1000 * std::hypot(x[i] - x[i - 1], y[i] - y[i - 1]) / step_ms;
      moves = step_ms > 0 ? speed_per_s >= rules.saccade_per_s : moving;  // no time, no velocity: as before
      if (step_ms > 0 && moves) sums.peak_per_s = std::max(sums.peak_per_s, speed_per_s);
      if (i == 1) moving = moves;
      if (moves == moving) continue;
    }
    if (moving)
      add_saccade(x, y, first, i - 1, sums);
    else
      add_fixation(times_ms, first, i - 1, rules, sums);
    first = i - 1;
    moving = moves;
  }
  return features_of(sums);
}

}  // namespace athanor::rqa
