// `athanor rqa` report and plot, as a person runs them.
#include <catch2/catch.hpp>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "data/images/image.h"
#include "src/core/files.h"
#include "src/rqa/results.h"
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

CATCH_TEST_CASE("rqa one: one JSON object whose numbers are those of the sweep, or a table of them",
                "[unit]") {
  const std::string file = swept() + "/study/n01q1_synthetic.csv", counts = swept() + "/counts.json";
  std::vector<std::string> arguments{"rqa", "one",   file,   "--m",    "2", "--tau",
                                     "1",   "--eps", "0.05", "--lmin", "3"};
  const Outcome table = run_athanor({arguments});
  CATCH_CHECK_THAT(table.out, Contains("L_max") && Contains("theiler_window"));
  arguments.insert(arguments.end(), {"--json", "--histograms", counts});
  const Outcome one = run_athanor({arguments});
  CATCH_INFO(one.err);
  CATCH_REQUIRE(one.exit_code == 0);
  const nlohmann::json json = nlohmann::json::parse(one.out);
  CATCH_CHECK(json.size() == 4);
  CATCH_CHECK(json["definitions"]["comparison"] == "distance <= eps");
  const rqa::SweepResults results(swept() + "/swept");
  const rqa::SweepHead& head = results.head();
  const auto recording = std::find_if(head.recordings.begin(), head.recordings.end(),
                                      [](const auto& each) { return each.file == "n01q1_synthetic.csv"; }) -
                         head.recordings.begin();
  for (const char* analysis : {"1d_x", "2d"}) {
    const std::vector<double> plane = results.read_plane(analysis, 1, 0);  // [recording, eps, l_min, metric]
    for (size_t k = 0; k < head.metrics.size(); ++k) {
      const std::string metric(rqa::metric_name(head.metrics[k]));
      CATCH_INFO(analysis << " " << metric);
      CATCH_CHECK(json[analysis][metric].get<double>() ==
                  plane[((recording * 3 + 1) * 2 + 1) * head.metrics.size() + k]);
    }
  }
  CATCH_CHECK(json["1d_y"].size() == rqa::kMetricNames.size());
  const nlohmann::json lines = nlohmann::json::parse(read_file(counts))["2d"]["diagonal_lines"];
  int64_t longest = 0;
  for (const auto& line : lines) longest = std::max(longest, line[0].get<int64_t>());
  CATCH_CHECK(longest == json["2d"]["L_max"].get<int64_t>());
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
      {{"plot", file, "--eps", "nan", "--output", folder + "/p.png"}, 2, "--eps: not a threshold"},
      {{"plot", file, "--eps", "0.1", "--m", "0", "--output", folder + "/p.png"}, 2, "--m: too small"},
      {{"one", file, "--eps", "-1"}, 2, "--eps: not a threshold"},
      {{"one", file, "--eps", "0.1", "--tau", "4000000000"}, 2, "--tau: too large"},
      {{"one", file, "--eps", "0.1", "--m", "900"}, 1, "too few points"},
      {{"one", file, "--eps", "0.1", "--other", folder + "/gone.csv"}, 1, "gone.csv"},
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
