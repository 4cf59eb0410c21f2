#include "src/rqa/synth_study.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <map>

#include "src/core/error.h"
#include "src/core/files.h"
#include "src/rqa/recording.h"
#include "tests/rqa/scratch.h"

using namespace athanor;
using namespace athanor::rqa;

CATCH_TEST_CASE("rqa synth: a whole study of three groups, five tasks a subject, fixations and saccades",
                "[unit]") {
  const Scratch scratch;
  CATCH_CHECK(write_synth_study({.output = scratch / "study"}) == 305);
  CATCH_CHECK_THROWS_WITH(write_synth_study({.output = scratch / "study"}),
                          Catch::Matchers::Contains("is there already"));
  const Study study = find_study(scratch / "study");
  CATCH_CHECK(study.left_out.empty());
  std::map<std::string, int> sizes;
  std::map<std::string, double> fixation_ms;
  int64_t shortest_rows = 700, longest_rows = 50;
  for (const StudyFile& file : study.files) {
    const Recording recording = load_recording(file.path);
    const auto rows = static_cast<int64_t>(recording.x.size());
    shortest_rows = std::min(shortest_rows, rows), longest_rows = std::max(longest_rows, rows);
    const GazeFeatures gaze = find_gaze_features(recording.x, recording.y, recording.times_ms, {});
    CATCH_INFO(file.info.file);
    CATCH_REQUIRE(gaze[1] >= 1);
    CATCH_REQUIRE(gaze[3] >= 1);
    ++sizes[file.info.group];
    fixation_ms[file.info.group] += gaze[2];
  }
  CATCH_CHECK(sizes == std::map<std::string, int>{{"ad", 100}, {"control", 100}, {"mci", 105}});
  CATCH_CHECK(shortest_rows >= 50);
  CATCH_CHECK(shortest_rows < 80);
  CATCH_CHECK(longest_rows > 600);
  CATCH_CHECK(longest_rows <= 700);
  CATCH_CHECK(fixation_ms["ad"] / 100 > 1.02 * fixation_ms["control"] / 100);
}

CATCH_TEST_CASE("rqa synth: the seed alone decides", "[unit]") {
  const auto csv = [](uint64_t seed) { return make_synth_study({.output = "", .seed = seed})[200].csv; };
  CATCH_CHECK(csv(3) == csv(3));
  CATCH_CHECK(csv(3) != csv(4));
}
