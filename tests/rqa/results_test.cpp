#include "src/rqa/results.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <filesystem>

#include "src/core/error.h"
#include "src/core/files.h"
#include "tests/rqa/scratch.h"

using namespace athanor;
using namespace athanor::rqa;

namespace {

SweepHead some_head() {
  SweepHead head{.version = "1.2",
                 .analyses = {"1d_x", "2d"},
                 .grid = {{1, 2}, {1, 3, 4}, {0.05, 0.056}, {2}},
                 .definitions = preset("seed-cpu"),
                 .metrics = {Metric::kRR, Metric::kENT}};
  head.recordings = {{"ad01q1.csv", "ad", "ad01", "1", 60, -7, {}},
                     {"n01q2.csv", "control", "n01", "2", 70, 8, {}}};
  head.recordings[0].gaze.fill(std::nan(""));
  head.left_out = {{"n02q1.csv", "n02q1.csv:3: not a number"}};
  return head;
}

}  // namespace

CATCH_TEST_CASE("rqa results: what is written of a sweep is read back, also NaN", "[unit]") {
  const Scratch scratch;
  create_results(scratch / "sweep.h5", some_head());
  const SweepResults results = load_results(scratch.path());
  CATCH_CHECK(describe(results.head()) == describe(some_head()));
  CATCH_CHECK(results.head().left_out == some_head().left_out);
  CATCH_CHECK(results.head().grid.eps[1] == 0.056);
}

CATCH_TEST_CASE("rqa results: values are found by recording and by (m, tau)", "[unit]") {
  const Scratch scratch;
  const SweepHead head = some_head();
  create_results(scratch / "sweep.h5", head);
  const int64_t offset = SweepResults(scratch.path()).offset_bytes("2d");
  CATCH_REQUIRE(offset > 0);
  std::vector<double> values(2 * 2 * 3 * 2 * 1 * 2);
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<double>(i);
  std::string bytes = read_file(scratch / "sweep.h5");
  bytes.replace(static_cast<size_t>(offset), values.size() * 8, reinterpret_cast<const char*>(values.data()),
                values.size() * 8);
  write_file_atomically(scratch / "sweep.h5", bytes);
  const SweepResults results(scratch.path());
  CATCH_CHECK(results.read_recordings("2d", 1, 1) == std::vector<double>(values.begin() + 24, values.end()));
  CATCH_CHECK(results.read_plane("2d", 1, 2) == std::vector<double>{20, 21, 22, 23, 44, 45, 46, 47});
}

CATCH_TEST_CASE("rqa results: the same head has the same bytes", "[unit]") {
  const Scratch scratch;
  create_results(scratch / "a.h5", some_head());
  create_results(scratch / "b.h5", some_head());
  CATCH_CHECK(read_file(scratch / "a.h5") == read_file(scratch / "b.h5"));
}

CATCH_TEST_CASE("rqa results: a file of another kind is refused", "[unit]") {
  const Scratch scratch;
  Hdf5File::create(scratch / "sweep.h5").close();
  CATCH_CHECK_THROWS_WITH(load_results(scratch.path()),
                          Catch::Matchers::Contains("not the results of a sweep"));
  write_file_atomically(scratch / "sweep.h5", "text");
  CATCH_CHECK_THROWS_WITH(load_results(scratch.path()), Catch::Matchers::Contains("not an HDF5 file"));
}
