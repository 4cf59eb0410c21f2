// Subjects and their means.
#include "src/rqa/subjects.h"

#include <catch2/catch.hpp>
#include <cmath>

#include "src/core/error.h"

using namespace athanor::rqa;

namespace {

SweepHead head_of(const std::vector<std::vector<std::string>>& rows) {  // group, subject, task
  SweepHead head;
  for (const auto& row : rows) head.recordings.push_back({"f", row[0], row[1], row[2], 0, 0, {}});
  return head;
}

}  // namespace

CATCH_TEST_CASE("rqa subjects: those of a name in two groups are two, groups stand in their order",
                "[unit]") {
  const Subjects subjects(head_of(
      {{"zeta", "b", "1"}, {"ad", "a", "1"}, {"control", "a", "1"}, {"zeta", "a", "1"}, {"ad", "a", "2"}}));
  CATCH_CHECK(subjects.groups == std::vector<std::string>{"control", "ad", "zeta"});
  CATCH_CHECK(subjects.names ==
              std::vector<std::pair<std::string, int>>{{"a", 0}, {"a", 1}, {"a", 2}, {"b", 2}});
  CATCH_CHECK(subjects.of_recording == std::vector<int64_t>{3, 1, 0, 2, 1});
  CATCH_CHECK(subjects.tested().sizes == std::vector<int64_t>{1, 1, 2});
}

CATCH_TEST_CASE("rqa subjects: a mean is over the values that there are, of all tasks or of one", "[unit]") {
  const SweepHead head = head_of({{"g", "a", "1"}, {"g", "a", "2"}, {"g", "b", "1"}, {"g", "b", "2"}});
  const Subjects subjects(head);
  const std::vector<double> values{1, NAN, 3, 10, 5, NAN, 8, NAN};  // [recording, column]
  const std::vector<double> means = subjects.means(head, values);
  CATCH_CHECK(std::vector<double>(means.begin(), means.begin() + 3) == std::vector<double>{2, 6.5, 10});
  CATCH_CHECK(std::isnan(means[3]));
  const std::vector<double> second = subjects.means(head, values, "2");
  CATCH_CHECK(std::vector<double>(second.begin(), second.begin() + 3) == std::vector<double>{3, 8, 10});
}

CATCH_TEST_CASE("rqa subjects: one group, or none, cannot be tested", "[unit]") {
  CATCH_CHECK_THROWS_WITH(Subjects(head_of({{"g", "a", "1"}, {"g", "b", "1"}})).tested(),
                          Catch::Matchers::Contains("got group g alone"));
  CATCH_CHECK_THROWS_WITH(Subjects(head_of({})).tested(), Catch::Matchers::Contains("no recordings"));
  CATCH_CHECK(Subjects(head_of({})).means(head_of({}), {}).empty());
}

CATCH_TEST_CASE("rqa subjects: a sample of one has a mean and no deviation, an empty one neither", "[unit]") {
  const SampleMean three = sample_mean({1, 2, NAN, 6});
  CATCH_CHECK(three.n == 3);
  CATCH_CHECK(three.mean == 3);
  CATCH_CHECK(three.deviation == Approx(std::sqrt(7.0)));
  CATCH_CHECK(three.error() == Approx(std::sqrt(7.0 / 3)));
  CATCH_CHECK(sample_mean({4, INFINITY}).mean == 4);
  CATCH_CHECK(std::isnan(sample_mean({4}).error()));
  CATCH_CHECK(std::isnan(sample_mean({NAN}).mean));
  CATCH_CHECK(sample_mean({}).n == 0);
}
