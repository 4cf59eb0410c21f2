#include "src/rqa/recording.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "src/core/error.h"
#include "src/rqa/csv_table.h"
#include "tests/rqa/scratch.h"

using namespace athanor;
using namespace athanor::rqa;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;

namespace {

void put(const std::string& path, const std::string& content) {
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  std::ofstream(path, std::ios::binary) << content;
}

std::vector<std::string> names_of(const Study& study) {
  std::vector<std::string> names;
  for (const StudyFile& file : study.files) names.push_back(file.info.file);
  return names;
}

}  // namespace

CATCH_TEST_CASE("rqa recording: columns are found by name, in any order, quoted, with CRLF and a mark",
                "[unit]") {
  const Scratch scratch;
  put(scratch / "a.csv", "\xEF\xBB\xBF\"y\", x,note,milliseconds\r\n1,2.5,a,0\r\n\r\n\"3\",-4e-1,b,16.7\r\n");
  const Recording a = load_recording(scratch / "a.csv");
  CATCH_CHECK(a.x == std::vector<double>{2.5, -0.4});
  CATCH_CHECK(a.y == std::vector<double>{1, 3});
  CATCH_CHECK(a.times_ms == std::vector<double>{0, 16.7});
  put(scratch / "b.csv", "GazePointX_normalized,GazePointY_normalized\n0.5,0.25");
  const Recording b = load_recording(scratch / "b.csv");
  CATCH_CHECK(b.x == std::vector<double>{0.5});
  CATCH_CHECK(b.times_ms.empty());
  CATCH_CHECK(b.fingerprint != a.fingerprint);
  CATCH_CHECK(series_of(a, "2d").coordinates == std::vector<std::vector<double>>{a.x, a.y});
  CATCH_CHECK(series_of(a, "1d_y").coordinates == std::vector<std::vector<double>>{a.y});
  CATCH_CHECK_THROWS_WITH(series_of(a, "3d"), Contains("unknown analysis"));
}

CATCH_TEST_CASE("rqa recording: each fault is one line with file and line", "[unit]") {
  const Scratch scratch;
  const std::pair<const char*, const char*> cases[] = {
      {"", "r.csv: is empty"},
      {"x,z\n1,2\n", "r.csv:1: no column y"},
      {"x,y\n1,2\n3\n", "r.csv:3: a row of another length"},
      {"x,y\n1,2\n\n3,abc\n", "r.csv:4: y is no number; expected a finite number, got 'abc'"},
      {"x,y\nnan,2\n", "r.csv:2: x is no number"},
      {"x,y\n1,inf\n", "r.csv:2: y is no number"},
      {"x,y\n1,\n", "r.csv:2: y is no number"},
      {"x,y\n1 2,3\n", "r.csv:2: x is no number"},
      {"x,y,milliseconds\n1,2,5\n1,2,4\n", "r.csv:3: time runs backwards"}};
  for (const auto& [content, message] : cases) {
    put(scratch / "r.csv", content);
    CATCH_CHECK_THROWS_WITH(load_recording(scratch / "r.csv", "r.csv"), StartsWith(message));
  }
}

CATCH_TEST_CASE("rqa recording: lines may end in any way, and quoted fields hold commas and quotes",
                "[unit]") {
  const Recording want = parse_recording("x,y\n1,2\n3,4\n", "r.csv");
  for (const char* same :
       {"x,y\r\n1,2\r\n3,4\r\n", "x,y\r1,2\r3,4", "\xEF\xBB\xBFx,y\n\n1,2\n3,4",
        "\"x\", \"y\" \n 1 ,\t2\n\"3\",4\n", "note,x,\"y\"\n\"a, \"\"b\"\"\",1,2\n\",\",3,4\n",
        "\"an, \"\"x\"\"\",x,y\na \"b\",1,2\n\"\",3,4\n"}) {
    CATCH_INFO(same);
    const Recording recording = parse_recording(same, "r.csv");
    CATCH_CHECK(recording.x == want.x);
    CATCH_CHECK(recording.y == want.y);
  }
  CATCH_CHECK_THROWS_WITH(parse_recording("x,y\r\n1,2\r\n\r\n3,a\r\n", "r.csv"),
                          StartsWith("r.csv:4: y is no number"));
  CATCH_CHECK_THROWS_WITH(parse_recording("x,y\n1,\"2\n", "r.csv"),
                          Contains("y is no number") && Contains("'\"2'"));
}

CATCH_TEST_CASE("rqa recording: an error shows what it got as text, and not all of it", "[unit]") {
  const std::string far = "x,y\n1,\xFC" + std::string(5000, 'a') + "\n";
  try {
    parse_recording(far, "r.csv");
    CATCH_FAIL("no error");
  } catch (const athanor::Error& error) {
    const std::string message = error.what();
    CATCH_CHECK(message.size() < 400);
    CATCH_CHECK_THAT(message, Contains("got '\xEF\xBF\xBD"
                                       "aaa"));
    CATCH_CHECK_THAT(message, Contains("a…'"));
  }
  CATCH_CHECK_THROWS_WITH(parse_recording("a;b\n", "r.csv"),
                          Contains("no column x") && Contains("got 'a;b'"));
}

CATCH_TEST_CASE("rqa table: a field is quoted where it must be", "[unit]") {
  CATCH_CHECK(csv_field("a b") == "a b");
  CATCH_CHECK(csv_field("") == "");
  for (const char* plain : {"a,b", "say \"a\"", ","}) {
    const std::string bytes = "h,i\n" + csv_field(plain) + ",1\n";
    CsvTable table(bytes, "t");
    CATCH_INFO(plain);
    CATCH_REQUIRE(table.next());
    CATCH_CHECK(table.field(0) == plain);
    CATCH_CHECK(table.field(1) == "1");
  }
}

CATCH_TEST_CASE("rqa recording: too few points and constant series are not usable", "[unit]") {
  const Grid grid{{2, 3}, {3, 4}, {0.1}, {2}};
  Recording recording{{1, 2, 3, 4, 5}, {1, 1, 1, 1, 1}, {}, 0};
  CATCH_CHECK_NOTHROW(check_usable(recording, "r.csv", grid, {"1d_x", "2d"}));
  CATCH_CHECK_THROWS_WITH(check_usable(recording, "r.csv", grid, {"1d_y"}), Contains("never changes"));
  recording.x.resize(80'001), recording.y.resize(80'001);
  CATCH_CHECK_THROWS_WITH(check_usable(recording, "r.csv", grid, {"1d_x"}),
                          Contains("r.csv: too many points; expected at most 80000, got 80001"));
  recording.x.resize(4);
  CATCH_CHECK_THROWS_WITH(check_usable(recording, "r.csv", grid, {"2d"}), Contains("expected at least 5"));
}

CATCH_TEST_CASE("rqa study: names tell group, subject and task; other names and repeats are left out",
                "[unit]") {
  const Scratch scratch;
  for (const char* name : {"n1q1_a.csv", "m02q5_a.csv", "deep/ad13q2_a.csv", "deep/n1q1_b.csv", "x1q1_a.csv",
                           "n1q6_a.csv", "nq1_a.csv", "ad1_a.csv", "notes.txt"})
    put(scratch / name, "x,y\n");
  const Study study = find_study(scratch.path());
  CATCH_CHECK(names_of(study) ==
              std::vector<std::string>{"deep/ad13q2_a.csv", "deep/n1q1_b.csv", "m02q5_a.csv"});
  CATCH_CHECK(study.files[0].info.group == "ad");
  CATCH_CHECK(study.files[0].info.subject == "ad13");
  CATCH_CHECK(study.files[2].info.group == "mci");
  CATCH_CHECK(study.files[2].info.task == "5");
  CATCH_REQUIRE(study.left_out.size() == 5);
  CATCH_CHECK(study.left_out[1].file == "n1q1_a.csv");
  CATCH_CHECK_THAT(study.left_out[1].reason, Contains("the same subject and task as deep/n1q1_b.csv"));
  CATCH_CHECK_THAT(study.left_out[4].reason, Contains("not named as a recording"));
}

CATCH_TEST_CASE("rqa study: every .csv and .CSV is a recording or is left out with a reason", "[unit]") {
  const Scratch scratch;
  put(scratch / "n1q1_a.CSV", "x,y\n");
  put(scratch / "n1q2_M\xFCller.csv", "x,y\n");
  put(scratch / "n1q4_M\xC3\xBCller, \"<a>\".csv", "x,y\n");
  std::filesystem::create_symlink("nowhere", scratch / "n1q3_a.csv");
  std::filesystem::create_directory(scratch / "n1q5_a.csv");
  const Study study = find_study(scratch.path());
  CATCH_CHECK(names_of(study) ==
              std::vector<std::string>{"n1q1_a.CSV", "n1q3_a.csv", "n1q4_M\xC3\xBCller, \"<a>\".csv"});
  CATCH_REQUIRE(study.left_out.size() == 1);
  CATCH_CHECK(study.left_out[0].reason ==
              "n1q2_M\xEF\xBF\xBDller.csv: 'n1q2_M\xEF\xBF\xBDller.csv' is not UTF-8: give it another name");
}

CATCH_TEST_CASE("rqa study: a recording that is listed again and again is left out once", "[unit]") {
  const Scratch scratch;
  put(scratch / "study.csv",
      "file,group,subject,task\na.csv,g,s,1\na.csv,g,s,1\na.csv,g,s,1\n\"b, c.csv\",g,s,2\n");
  const Study study = find_study(scratch / "study.csv");
  CATCH_CHECK(names_of(study) == std::vector<std::string>{"a.csv", "b, c.csv"});
  CATCH_CHECK(study.left_out.size() == 1);
}

CATCH_TEST_CASE("rqa study: a manifest names files of any name, and its bad rows are left out", "[unit]") {
  const Scratch scratch;
  put(scratch / "study.csv",
      "task,file,subject,group\nA,data/b.csv,s1,old\nB,a.csv,s1,old\nB,a.csv,s2,young\nC,,s1,old\nD\n");
  const Study study = find_study(scratch / "study.csv");
  CATCH_CHECK(names_of(study) == std::vector<std::string>{"a.csv", "data/b.csv"});
  CATCH_CHECK(study.files[1].path == scratch / "data/b.csv");
  CATCH_CHECK(study.files[1].info.task == "A");
  CATCH_REQUIRE(study.left_out.size() == 3);
  CATCH_CHECK_THAT(study.left_out[0].reason, Contains("named twice"));
  CATCH_CHECK_THAT(study.left_out[1].reason, StartsWith("study.csv:5: file is empty"));
  CATCH_CHECK_THAT(study.left_out[2].reason, StartsWith("study.csv:6: a row of another length"));
  put(scratch / "bad.csv", "file,group\n");
  CATCH_CHECK_THROWS_WITH(find_study(scratch / "bad.csv"), Contains("no column subject"));
  CATCH_CHECK_THROWS_WITH(find_study(scratch / "none"), Contains("no such folder"));
}
