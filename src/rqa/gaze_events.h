// Fixations and saccades from the gaze itself, by the velocity threshold (I-VT) of D. Salvucci and J.
// Goldberg, "Identifying fixations and saccades in eye-tracking protocols", ETRA 2000. Left out: what needs
// more than the gaze (durations within regions of interest).
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include "src/rqa/analyse.h"

namespace athanor::rqa {

// Durations in ms; amplitudes and velocities in units of the gaze and units a second. RegCountSum: saccades
// to the left.
constexpr std::array<std::string_view, 8> kGazeFeatures{"FixDurSum",      "FixCount",    "FixDurMean",
                                                        "SaccCount",      "SaccAmpMean", "SaccAmpSum",
                                                        "SaccMaxVelPeak", "RegCountSum"};
using GazeFeatures = std::array<double, kGazeFeatures.size()>;

struct GazeRules {
  double saccade_per_s = 1.0;   // velocity from which a step belongs to a saccade, units a second
  double fixation_min_ms = 60;  // what is shorter counts as neither
  bool operator==(const GazeRules&) const = default;
};

// x, y [N] and times [N] in ms, not descending. All NaN where `times_ms` is empty; means of nothing are NaN.
GazeFeatures find_gaze_features(const std::vector<double>& x, const std::vector<double>& y,
                                const std::vector<double>& times_ms, const GazeRules& rules);

}  // namespace athanor::rqa
