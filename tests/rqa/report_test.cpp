// Group tests over a sweep, and the page that shows them, on a made sweep of known numbers.
#include "src/rqa/report.h"

#include <unistd.h>
#include <catch2/catch.hpp>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>

#include "src/core/error.h"
#include "src/core/files.h"
#include "src/core/random.h"
#include "src/core/text.h"
#include "src/rqa/charts.h"
#include "tests/rqa/count_of.h"

using namespace athanor::rqa;
using athanor::text;

namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
constexpr int64_t kSubjects = 12, kTasks = 2;

// Four subjects in each of three groups, two tasks; m 1:2, tau 1:2, two thresholds, l_min 2:3, RR and DET.
SweepHead made_head() {
  SweepHead head;
  head.version = "test", head.analyses = {"2d"};
  head.grid = {{1, 2}, {1, 2}, {0.1, 0.2}, {2, 3}};
  head.metrics = {Metric::kRR, Metric::kDET};
  for (int64_t r = 0; r < kSubjects * kTasks; ++r) {
    const char* groups[] = {"ad", "control", "mci"};
    const int64_t subject = r / kTasks;
    RecordingInfo info;
    info.file = text("f", 100 + r, ".csv"), info.group = groups[subject / 4],
    info.subject = text("s", subject);
    info.task = text(1 + r % kTasks);
    head.recordings.push_back(info);
  }
  head.left_out = {{"broken<.csv", "line 3: not a number"}};
  return head;
}

// [m, tau, eps, l_min, metric] of recording r: at eps 0.1 a recurrence rate of 0; DET at m 2, tau 2, eps 0.2
// the same for all at l_min 3, and missing for one subject at l_min 2.
std::vector<double> made_values(int64_t r) {
  std::vector<double> out;
  const int64_t subject = r / kTasks;
  for (int64_t m = 0; m < 2; ++m)
    for (int64_t tau = 0; tau < 2; ++tau)
      for (int64_t eps = 0; eps < 2; ++eps)
        for (int64_t lmin = 0; lmin < 2; ++lmin) {
          athanor::Rng rng(athanor::mix_seed(100 * m + 10 * (m ? tau : 0) + eps, r, 0));
          out.push_back(eps == 0 ? 0 : 0.1 + 0.1 * rng.uniform());
          const double determinism = 0.2 * static_cast<double>(subject / 4) + rng.uniform() - 0.1 * lmin;
          const bool last = m == 1 && tau == 1 && eps == 1;
          out.push_back(last && lmin == 1 ? 0.5 : last && subject == 5 ? kNone : determinism);
        }
  return out;
}

class MadeSweep {
 public:
  MadeSweep() : MadeSweep(made_head(), made_values) {}
  template <class Values>
  MadeSweep(const SweepHead& head, const Values& values_of)
      : path_(std::filesystem::temp_directory_path() / text("athanor_report_", getpid(), ".h5")) {
    create_results(path_, head);
    const int64_t offset = SweepResults(path_).offset_bytes("2d");
    std::fstream file(path_, std::ios::binary | std::ios::in | std::ios::out);
    for (int64_t r = 0; r < static_cast<int64_t>(head.recordings.size()); ++r) {
      const std::vector<double> values = values_of(r);
      file.seekp(offset + r * head.values_per_recording() * 8);
      file.write(reinterpret_cast<const char*>(values.data()),
                 static_cast<std::streamsize>(values.size() * 8));
    }
  }
  ~MadeSweep() { std::filesystem::remove(path_); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace

CATCH_TEST_CASE("rqa sweep statistics: each column is tested on subjects' means, or left out for its reason",
                "[unit]") {
  const MadeSweep made;
  const SweepResults results(made.path());
  const SweepStatistics statistics = test_sweep(results, {.permutations = 50});
  CATCH_CHECK(statistics.subjects.groups == std::vector<std::string>{"control", "mci", "ad"});
  CATCH_CHECK(statistics.subjects.names.size() == kSubjects);
  // 32 columns. m 1 at tau 2: 8 repeat; RR at l_min 3: 6 more. At eps 0.1 RR is 0: 9 of what is left. Of the
  // other 9 one is constant, one has no value.
  CATCH_CHECK(statistics.counts() == std::array<int64_t, 5>{7, 14, 9, 1, 1});

  const int64_t column = statistics.at(0, 1, 0, 1, 1, 1);  // m 2, tau 1, eps 0.2, l_min 3, DET
  CATCH_REQUIRE(statistics.verdicts[column] == Verdict::kTested);
  std::vector<double> means;
  std::vector<int> numbers;
  const auto cell = (((1 * 2 + 0) * 2 + 1) * 2 + 1) * 2 + 1;
  for (const int64_t subject : {4, 5, 6, 7, 8, 9, 10, 11, 0, 1, 2, 3}) {
    means.push_back((made_values(2 * subject)[cell] + made_values(2 * subject + 1)[cell]) / 2);
    numbers.push_back(static_cast<int>(numbers.size() / 4));
  }
  const Groups groups(numbers);
  CATCH_CHECK(statistics.kruskal[column].h == Approx(kruskal_wallis(means.data(), groups).h));
  CATCH_CHECK(statistics.welch[column].p == Approx(welch_anova(means.data(), groups).p));
  CATCH_CHECK(statistics.pairs[2] == std::pair{1, 2});
  CATCH_CHECK(statistics.effect(column, 2).g == Approx(hedges_g(means.data(), groups, 2, 1).g));
}

CATCH_TEST_CASE(
    "rqa sweep statistics: corrections count what is tested, and repeated columns show their originals'",
    "[unit]") {
  const MadeSweep made;
  const SweepResults results(made.path());
  const SweepStatistics one = test_sweep(results, {.permutations = 50, .threads = 1});
  const SweepStatistics three = test_sweep(results, {.permutations = 50, .threads = 3});
  CATCH_CHECK(statistics_csv(results.head(), one) == statistics_csv(results.head(), three));
  CATCH_CHECK(count_of(statistics_csv(results.head(), one), "\n") == 1 + one.counts()[0]);
  std::vector<double> p;
  for (size_t column = 0; column < one.verdicts.size(); ++column)
    p.push_back(one.verdicts[column] == Verdict::kTested ? one.kruskal[column].p : kNone);
  const std::vector<double> q = benjamini_hochberg(p);
  for (size_t column = 0; column < one.verdicts.size(); ++column)
    if (one.verdicts[column] == Verdict::kTested) CATCH_CHECK(one.q[column] == q[column]);
  const int64_t original = one.at(0, 0, 0, 1, 0, 1), repeated = one.at(0, 0, 1, 1, 0, 1);
  CATCH_CHECK(one.verdicts[repeated] == Verdict::kRepeated);
  CATCH_CHECK(one.p_max_t[repeated] == one.p_max_t[original]);
  CATCH_CHECK(one.effect(repeated, 1).g == one.effect(original, 1).g);
  CATCH_CHECK(std::isnan(one.kruskal[one.at(0, 0, 0, 0, 0, 1)].h));  // degenerate
}

CATCH_TEST_CASE("rqa report: one page that needs no other, every chart told of in words", "[unit]") {
  const MadeSweep made;
  const Report report = make_report(SweepResults(made.path()), {.statistics = {.permutations = 20}});
  CATCH_CHECK(count_of(report.html, "http") == count_of(report.html, "xmlns=\"http://www.w3.org/2000/svg\""));
  CATCH_CHECK(count_of(report.html, "<script") == 0);
  CATCH_CHECK(count_of(report.html, "@import") == 0);
  const int64_t charts = count_of(report.html, "<svg ");
  CATCH_CHECK(charts == static_cast<int64_t>(report.figures.size()));
  CATCH_CHECK(charts == 1 + 2 + 2 * 6);  // forest, a trend a metric, two maps a metric and pair of groups
  CATCH_CHECK(count_of(report.html, "<desc>") == charts);
  CATCH_CHECK(count_of(report.html, "<figcaption>") ==
              count_of(report.html, "Definitions: distance &lt;= eps"));
  CATCH_CHECK(count_of(report.html, "not tested</title>") > 0);  // the mask
  CATCH_CHECK(count_of(report.html, "broken&lt;.csv") == 1);
  CATCH_CHECK(count_of(report.html, "made without the recordings") == 1);
  for (const char* tag : {"svg", "table", "figure", "details", "g", "text", "main", "html"})
    CATCH_CHECK(count_of(report.html, text("<", tag, " ")) + count_of(report.html, text("<", tag, ">")) ==
                count_of(report.html, text("</", tag, ">")));
}

CATCH_TEST_CASE("rqa report: recordings that are gone are told of in their place", "[unit]") {
  const MadeSweep made;
  const Report report =
      make_report(SweepResults(made.path()), {.statistics = {.permutations = 0}, .study = "/no/such"});
  CATCH_CHECK(count_of(report.html, "The recordings cannot be read: /no/such") == 1);
}

CATCH_TEST_CASE("rqa sweep statistics: means of one value over more or fewer tasks are one value", "[unit]") {
  SweepHead head;
  head.version = "test", head.analyses = {"2d"};
  head.grid = {{1}, {1}, {0.1}, {2}}, head.metrics = {Metric::kDIV};
  for (int subject = 0; subject < 8; ++subject)
    for (int task = 0; task < 3 + subject; ++task)
      head.recordings.push_back(
          {text("f", subject, task), subject % 2 ? "a" : "b", text("s", subject), text(task), 9, 0, {}});
  const MadeSweep made(head, [](int64_t) { return std::vector<double>{0.1}; });
  const SweepResults results(made.path());
  const SweepStatistics statistics = test_sweep(results, {.permutations = 10});
  const std::vector<double> means = subject_means(results, statistics, 0, 0, 0);
  CATCH_CHECK(*std::min_element(means.begin(), means.end()) < *std::max_element(means.begin(), means.end()));
  CATCH_CHECK(statistics.verdicts == std::vector<Verdict>{Verdict::kConstant});
  CATCH_CHECK(make_report(results, {}).html.find("No column of this analysis could be tested") !=
              std::string::npos);
}

CATCH_TEST_CASE("rqa sweep statistics: one subject in each group is enough for ranks, not for variances",
                "[unit]") {
  SweepHead head;
  head.version = "test", head.analyses = {"2d"};
  head.grid = {{1}, {1}, {0.1}, {2}}, head.metrics = {Metric::kDET};
  for (const char* group : {"x", "y", "z"})
    head.recordings.push_back({text(group, ".csv"), group, "s", "1", 9, 0, {}});
  const MadeSweep made(head,
                       [](int64_t r) { return std::vector<double>{0.5 + 0.1 * static_cast<double>(r)}; });
  const SweepResults results(made.path());
  const SweepStatistics statistics = test_sweep(results, {.permutations = 10});
  CATCH_REQUIRE(statistics.verdicts[0] == Verdict::kTested);
  CATCH_CHECK(statistics.kruskal[0].h == Approx(2));
  CATCH_CHECK(std::isnan(statistics.welch[0].f));
  CATCH_CHECK(std::isnan(statistics.effect(0, 0).g));
  CATCH_CHECK(make_report(results, {}).html.find("nan") == std::string::npos);
}

CATCH_TEST_CASE("rqa sweep statistics: a metric that was not swept is an error", "[unit]") {
  const MadeSweep made;
  const SweepResults results(made.path());
  CATCH_CHECK_THROWS_AS(test_sweep(results, {.metrics = {Metric::kLAM}}), athanor::Error);
}

CATCH_TEST_CASE("rqa charts: text is escaped, bytes become base64", "[unit]") {
  CATCH_CHECK(escaped("a<b & \"c\">") == "a&lt;b &amp; &quot;c&quot;&gt;");
  CATCH_CHECK(base64("") == "");
  CATCH_CHECK(base64("f") == "Zg==");
  CATCH_CHECK(base64("fo") == "Zm8=");
  CATCH_CHECK(base64("foobar") == "Zm9vYmFy");
  CATCH_CHECK(number_text(kNone) == "–");
  CATCH_CHECK(number_text(0.012345) == "0.0123");
}
