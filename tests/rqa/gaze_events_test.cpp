#include "src/rqa/gaze_events.h"

#include <catch2/catch.hpp>
#include <cmath>

using namespace athanor::rqa;

CATCH_TEST_CASE("rqa gaze: fixations and saccades are those that one counts by hand", "[unit]") {
  // 10 ms a sample: rests at 0 for 100 ms, moves to (0.3, 0.4) in two steps, rests 80 ms, and jumps back by
  // 0.1 to a rest of 40 ms, which is too short for a fixation.
  std::vector<double> x, y, times_ms;
  const auto add = [&](double px, double py) {
    x.push_back(px), y.push_back(py), times_ms.push_back(10.0 * static_cast<double>(times_ms.size()));
  };
  for (int i = 0; i < 11; ++i) add(0, 0);
  add(0.2, 0.2);
  for (int i = 0; i < 9; ++i) add(0.3, 0.4);
  for (int i = 0; i < 5; ++i) add(0.2, 0.4);
  const GazeFeatures features =
      find_gaze_features(x, y, times_ms, {.saccade_per_s = 1, .fixation_min_ms = 60});
  CATCH_CHECK(features[0] == 180);                            // FixDurSum
  CATCH_CHECK(features[1] == 2);                              // FixCount
  CATCH_CHECK(features[2] == 90);                             // FixDurMean
  CATCH_CHECK(features[3] == 2);                              // SaccCount
  CATCH_CHECK(features[4] == Approx(0.3));                    // SaccAmpMean
  CATCH_CHECK(features[5] == Approx(0.6));                    // SaccAmpSum
  CATCH_CHECK(features[6] == Approx(100 * std::sqrt(0.08)));  // SaccMaxVelPeak
  CATCH_CHECK(features[7] == 1);                              // RegCountSum
}

CATCH_TEST_CASE("rqa gaze: a gaze that rests has no saccades, and one without times no features", "[unit]") {
  const std::vector<double> still(20, 0.5);
  std::vector<double> times_ms(20);
  for (int i = 0; i < 20; ++i) times_ms[i] = 10 * (i / 2);  // pairs of equal times
  const GazeFeatures features = find_gaze_features(still, still, times_ms, {});
  CATCH_CHECK(features[1] == 1);
  CATCH_CHECK(features[0] == 90);
  CATCH_CHECK(features[3] == 0);
  CATCH_CHECK(std::isnan(features[4]));
  for (const double feature : find_gaze_features(still, still, {}, {})) CATCH_CHECK(std::isnan(feature));
}
