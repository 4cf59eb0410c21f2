// `athanor rqa` report and plot, as a person runs them.
#include <catch2/catch.hpp>
#include <filesystem>

#include "data/images/image.h"
#include "src/core/files.h"
#include "tests/tools/program.h"

namespace athanor::testing {
namespace {

namespace fs = std::filesystem;
using Catch::Matchers::Contains;

// A study and its sweep, small.
const std::string& swept() {
  static const std::string folder = [] {
    const std::string path = fixtures() + "/rqa_report";
    fs::create_directories(path);
    CATCH_REQUIRE(run_athanor({{"rqa", "synth", "--output", path + "/study", "--seed", "3"}}).exit_code == 0);
    const Outcome sweep =
        run_athanor({{"rqa", "sweep", "--input", path + "/study", "--output", path + "/swept", "--m", "1:2",
                      "--tau", "1:2", "--eps", "0.0001,0.05,0.1"}});
    CATCH_INFO(sweep.err);
    CATCH_REQUIRE(sweep.exit_code == 0);
    return path;
  }();
  return folder;
}

}  // namespace

CATCH_TEST_CASE("rqa report: a page, a table and charts, the same bytes on one thread and on three",
                "[unit]") {
  const std::string folder = swept();
  const auto report = [&](const std::string& name, const std::string& threads) {
    return run_athanor({{"rqa", "report", folder + "/swept", "--input", folder + "/study", "--output",
                         folder + "/" + name + ".html", "--table", folder + "/" + name + ".csv", "--figures",
                         folder + "/" + name + "_figures", "--permutations", "100", "--threads", threads}});
  };
  const Outcome one = report("one", "1"), three = report("three", "3");
  CATCH_INFO(one.err);
  CATCH_REQUIRE(one.exit_code == 0);
  CATCH_REQUIRE(three.exit_code == 0);
  CATCH_CHECK_THAT(one.out, Contains("columns tested") && Contains("recurrence rate near 0 or 1"));
  const std::string page = read_file(folder + "/one.html");
  CATCH_CHECK(page == read_file(folder + "/three.html"));
  CATCH_CHECK(read_file(folder + "/one.csv") == read_file(folder + "/three.csv"));
  CATCH_CHECK_THAT(page, Contains("data:image/png;base64,") && Contains("not tested</title>"));
  CATCH_CHECK_THAT(read_file(folder + "/one_figures/2d_recurrence_mci.svg"),
                   Contains("<?xml") && Contains("<style>") && Contains("prefers-color-scheme:dark"));
  CATCH_CHECK(load_image(folder + "/one_figures/2d_recurrence_mci.png").width > 300);
  CATCH_CHECK_THAT(read_file(folder + "/one_figures/1d_x_forest.svg"),
                   Contains("Definitions:") && Contains("Theiler"));
}

CATCH_TEST_CASE("rqa plot: a PNG with axes, in samples or ms", "[unit]") {
  const std::string file = swept() + "/study/n01q1_synthetic.csv", output = swept() + "/plot.png";
  const Outcome plot = run_athanor({{"rqa", "plot", file, "--eps", "0.06", "--output", output}});
  CATCH_INFO(plot.err);
  CATCH_REQUIRE(plot.exit_code == 0);
  const Image samples = load_image(output);
  CATCH_CHECK(samples.width > 300);
  CATCH_CHECK(run_athanor({{"rqa", "plot", file, "--eps", "0.06", "--unit", "ms", "--size", "50", "--output",
                            output}})
                  .exit_code == 0);
  CATCH_CHECK(load_image(output).pixels != samples.pixels);
}

CATCH_TEST_CASE("rqa report and plot: what cannot be done is said in one line", "[unit]") {
  const std::string folder = swept(), file = folder + "/study/n01q1_synthetic.csv",
                    page = folder + "/bad.html";
  struct Bad {
    std::vector<std::string> arguments;
    int exit_code;
    std::string says;
  };
  const std::vector<Bad> all{
      {{"report", folder + "/study", "--output", page}, 1, "study"},
      {{"report", folder + "/swept", "--output", page, "--metrics", "RRR"}, 2, "unknown metric 'RRR'"},
      {{"report", folder + "/swept", "--output", page, "--metrics", "LAM"}, 2, "the sweep has no LAM"},
      {{"report", folder + "/swept", "--output", folder + "/none/report.html"}, 1, "none"},
      {{"report", folder + "/swept"}, 2, "--output"},
      {{"plot", file, "--output", folder + "/p.png"}, 2, "--eps"},
      {{"plot", file, "--eps", "0.1", "--m", "900", "--output", folder + "/p.png"},
       1,
       "no recurrence plot of m 900"},
      {{"plot", file, "--eps", "0.1", "--analysis", "3d", "--output", folder + "/p.png"}, 2, "3d"},
      {{"plot", folder + "/gone.csv", "--eps", "0.1", "--output", folder + "/p.png"}, 1, "gone.csv"},
  };
  for (const Bad& bad : all) {
    std::vector<std::string> arguments{"rqa"};
    arguments.insert(arguments.end(), bad.arguments.begin(), bad.arguments.end());
    const Outcome outcome = run_athanor({arguments});
    CATCH_INFO(outcome.err);
    CATCH_CHECK(outcome.exit_code == bad.exit_code);
    CATCH_CHECK_THAT(outcome.err, Contains(bad.says));
    CATCH_CHECK(lines_of(outcome.err).size() <= 2);
  }
  CATCH_CHECK(!fs::exists(page));
  CATCH_CHECK(!fs::exists(folder + "/p.png"));
}

}  // namespace athanor::testing
