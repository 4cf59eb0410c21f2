// The folders of the five steps: their numbers, that they come whole, and that they are made once.
#include "src/rqa/steps.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "src/core/error.h"
#include "src/core/files.h"
#include "src/core/text.h"
#include "src/rqa/csv_table.h"
#include "src/rqa/report.h"
#include "src/rqa/sweep.h"
#include "tests/rqa/small_study.h"

using namespace athanor;
using namespace athanor::rqa;
using Catch::Matchers::Contains;
namespace fs = std::filesystem;

namespace {

const auto kNoOne = [](int64_t) {};

// Three groups of three subjects with two tasks, in folders of their own, with times.
SweepOptions make_study(const Scratch& scratch) {
  for (const char* group : {"n", "m", "ad"})
    for (int subject = 1; subject <= 3; ++subject)
      for (int task = 1; task <= 2; ++task) {
        const std::string folder = scratch / "study/" + group;
        fs::create_directories(folder);
        write_noise(text(folder, "/", group, subject, "q", task, "_a.csv"), 40,
                    Rng(mix_seed(static_cast<uint64_t>(group[0]), static_cast<uint64_t>(subject),
                                 static_cast<uint64_t>(task))),
                    /*with_times=*/true);
      }
  return {.input = scratch / "study",
          .output = scratch / "out",
          .version = "1",
          .grid = {{1, 2}, {1}, {0.06, 0.2}, {2, 3}},
          .metrics = {Metric::kRR, Metric::kDET},
          .analyses = {"1d_x", "2d"}};
}

std::string file(const SweepOptions& options, const std::string& name) {
  return read_file(options.output + "/m2_tau1_eps0.2_lmin2/" + name);
}

std::vector<std::string> lines_of(const std::string& content) {
  std::vector<std::string> lines = split(content, '\n');
  CATCH_REQUIRE(lines.back().empty());
  lines.pop_back();
  return lines;
}

StepsCounts write(const SweepOptions& options, const std::string& which) {
  const SweepResults results(options.output);
  return write_steps(results, options.output, combinations_of(which, options.grid), 2, kNoOne);
}

}  // namespace

CATCH_TEST_CASE("rqa steps: each step's file holds the sweep's numbers and what the step adds", "[unit]") {
  const Scratch scratch;
  const SweepOptions options = make_study(scratch);
  sweep(options, kSilent);
  CATCH_CHECK(write(options, "m2_tau1_eps0.2_lmin2").written == 1);
  const auto control = lines_of(file(options, "step1_rqa_calculation/RQA_1D2D_summary_control.csv"));
  CATCH_CHECK(control[0] == "filename,folder,q,RR-2D-xy,RR-1D-x,DET-2D-xy,DET-1D-x");
  CATCH_REQUIRE(control.size() == 7);
  const SweepResults results(options.output);
  CATCH_REQUIRE(results.head().recordings[12].file == "n/n1q1_a.csv");
  const auto value = [&](const char* analysis, size_t metric) {
    return shortest(results.read_plane(analysis, 1, 0)[((12 * 2 + 1) * 2 + 0) * 2 + metric]);
  };
  CATCH_CHECK(control[1] == text("n1q1_a.csv,n,1,", value("2d", 0), ",", value("1d_x", 0), ",",
                                 value("2d", 1), ",", value("1d_x", 1)));
  const auto merged = lines_of(file(options, "step2_data_merge/RQA_merged.csv"));
  CATCH_REQUIRE(merged.size() == 19);
  CATCH_CHECK(merged[13] == control[1] + ",n1,control");
  const auto enriched = lines_of(file(options, "step3_feature_enrichment/RQA_enriched.csv"));
  CATCH_CHECK(enriched[0] == merged[0] +
                                 ",FixDurSum,FixCount,FixDurMean,SaccCount,SaccAmpMean,SaccAmpSum,"
                                 "SaccMaxVelPeak,RegCountSum");
  CATCH_CHECK(enriched[13].starts_with(merged[13] + ","));
  CATCH_CHECK(split(enriched[13], ',').size() == split(enriched[0], ',').size());
  const auto groups = lines_of(file(options, "step4_statistics/group_stats_output.csv"));
  CATCH_CHECK(groups.size() == 1 + 4 + 8);
  CATCH_CHECK(groups[1].starts_with("RR-2D-xy,3,"));
  CATCH_CHECK(split(groups[1], ',').size() == split(groups[0], ',').size());
  CATCH_CHECK_THAT(groups[0], Contains("kruskal_q") && Contains("g_low_ad-mci"));
  const auto tasks = lines_of(file(options, "step4_statistics/multi_level_stats_output.csv"));
  CATCH_CHECK(tasks[0] == "measure,Group,q,n,mean,sd,sem");
  CATCH_CHECK(tasks.size() == 1 + 12 * 6);
  CATCH_CHECK_THAT(file(options, "step5_visualization/tasks_DET-1D-x.svg"),
                   Contains("<svg") && Contains("m2_tau1_eps0.2_lmin2") && Contains("distance &lt;= eps"));
  CATCH_CHECK_THAT(file(options, "step5_visualization/effect_sizes-2D-xy.svg"), Contains("ad-control"));
  const auto metadata = nlohmann::json::parse(file(options, "metadata.json"));
  CATCH_CHECK(metadata["signature"] == "m2_tau1_eps0.2_lmin2");
  CATCH_CHECK(metadata["parameters"]["eps"] == 0.2);
  for (int step = 1; step <= 5; ++step) CATCH_CHECK(metadata[text("step_", step, "_completed")] == true);
}

CATCH_TEST_CASE("rqa steps: all combinations, made once, the same bytes when made anew", "[unit]") {
  const Scratch scratch;
  const SweepOptions options = make_study(scratch);
  sweep(options, kSilent);
  CATCH_CHECK(write(options, "all").written == 8);
  const std::string before = file(options, "metadata.json"),
                    svg = file(options, "step5_visualization/tasks_RR-1D-x.svg");
  CATCH_CHECK(write(options, "all").there == 8);
  fs::remove_all(options.output + "/m2_tau1_eps0.2_lmin2");
  const std::string left = options.output + "/steps.partial/m2_tau1_eps0.2_lmin2";  // by a killed run
  fs::create_directories(left);
  std::ofstream(left + "/metadata.json") << "half";
  const StepsCounts counts = write(options, "m1_tau1_eps0.06_lmin2, m2_tau1_eps0.2_lmin2");
  CATCH_CHECK(counts.written == 1);
  CATCH_CHECK(counts.there == 1);
  CATCH_CHECK(file(options, "metadata.json") == before);
  CATCH_CHECK(file(options, "step5_visualization/tasks_RR-1D-x.svg") == svg);
  CATCH_CHECK(!fs::exists(options.output + "/steps.partial"));
  std::ofstream(options.output + "/m2_tau1_eps0.2_lmin2/metadata.json", std::ios::app) << " ";
  CATCH_CHECK_THROWS_WITH(write(options, "all"), Contains("is of other results"));
}

CATCH_TEST_CASE("rqa steps: groups, subjects and files may be called anything", "[unit]") {
  const Scratch scratch;
  const std::string group = "a/b, \"c\"", other = "a_b";
  fs::create_directories(scratch / "study");
  std::ofstream manifest(scratch / "study.csv");
  manifest << "file,group,subject,task\n";
  for (int i = 0; i < 4; ++i) {
    const std::string name = text("study/one, \"", i, "\".csv");
    write_noise(scratch / name, 40, Rng(static_cast<uint64_t>(i)));
    manifest << csv_field(name) << "," << csv_field(i < 2 ? group : other) << "," << csv_field(text("s,", i))
             << ",1\n";
  }
  manifest.close();
  const SweepOptions options{.input = scratch / "study.csv",
                             .output = scratch / "out",
                             .version = "1",
                             .grid = {{2}, {1}, {0.2}, {2}},
                             .metrics = {Metric::kRR},
                             .analyses = {"2d"}};
  CATCH_REQUIRE(sweep(options, kSilent).recordings == 4);
  write(options, "all");
  CATCH_CHECK(
      lines_of(file(options, "step1_rqa_calculation/RQA_1D2D_summary_a%2Fb%2C%20%22c%22.csv")).size() == 3);
  CATCH_CHECK(lines_of(file(options, "step1_rqa_calculation/RQA_1D2D_summary_a_b.csv")).size() == 3);
  for (const char* name : {"step2_data_merge/RQA_merged.csv", "step4_statistics/group_stats_output.csv",
                           "step4_statistics/multi_level_stats_output.csv"}) {
    CATCH_INFO(name);
    const std::string bytes = file(options, name);
    CsvTable table(bytes, name);
    int rows = 0;
    for (; table.next(); ++rows)
      if (table.find_column({"Group"}) >= 0 && rows == 0)
        CATCH_CHECK(table.field(table.find_column({"Group"})) == group);
    CATCH_CHECK(rows > 1);
  }
  const Report report = make_report(SweepResults(options.output), {.study = options.input});
  for (const Figure& each : report.figures)
    CATCH_CHECK(each.name.find_first_of("/, \"") == std::string::npos);
  CATCH_CHECK(report.figures.size() == 1 + 2 + 1 + 2);
  CATCH_CHECK_THAT(report.html, Contains("Recurrence analysis of a/b, &quot;c&quot;, a_b"));
  for (int i = 0; i < 4; ++i)
    std::ofstream(scratch / text("study/one, \"", i, "\".csv"), std::ios::app) << "1,1\n";
  CATCH_CHECK_THAT(make_report(SweepResults(options.output), {.study = options.input}).html,
                   Contains("csv: has changed since the sweep") && !Contains("<image"));
}

CATCH_TEST_CASE("rqa steps: a combination that the sweep does not have is refused", "[unit]") {
  const Grid grid{{1, 2}, {1, 2}, {0.05, 0.06}, {2}};
  CATCH_CHECK(combinations_of("all", grid).size() == 8);
  CATCH_CHECK(
      combinations_of("m2_tau1_eps0.06_lmin2,m1_tau2_eps0.05_lmin2,m2_tau1_eps0.06_lmin2", grid).size() == 2);
  for (const char* bad : {"", "m3_tau1_eps0.05_lmin2", "m1_tau1_eps0.5_lmin2", "m1_tau1_lmin2",
                          "m1_tau1_eps0.05_lmin2_x1", "tau1_m1_eps0.05_lmin2"}) {
    CATCH_INFO(bad);
    CATCH_CHECK_THROWS_WITH(combinations_of(bad, grid), Contains("--steps"));
  }
}
