#include "tests/tools/bad_input.h"

#include <algorithm>
#include <catch2/catch.hpp>

namespace athanor::testing {
namespace {

// What a line for a person never holds.
constexpr const char* kInnards[] = {
    "terminate called", "what():",        "frame #", "Exception raised from", "HDF5-DIAG",   "c10::",
    "torch::",          "internal error", "std::",   "json.exception",        "Segmentation"};

void check(const BadInput& input, const Outcome& outcome) {
  CATCH_INFO(input.name);
  CATCH_INFO(outcome.err);
  CATCH_CHECK(outcome.exit_code == input.exit_code);
  const std::vector<std::string> lines = lines_of(outcome.err);
  const auto is_ours = [](const std::string& line) { return line.rfind("athanor: ", 0) == 0; };
  CATCH_CHECK(std::count_if(lines.begin(), lines.end(), is_ours) == 1);
  const std::string last = lines.empty() ? "" : lines.back();
  CATCH_CHECK(is_ours(last));
  if (!input.may_log) CATCH_CHECK(lines.size() == 1);
  for (const std::string& fragment : input.fragments) CATCH_CHECK_THAT(last, Catch::Contains(fragment));
  CATCH_CHECK(last.size() < 600);
  CATCH_CHECK(std::none_of(last.begin(), last.end(), [](unsigned char c) { return c < ' ' || c == 0x7F; }));
  for (const char* innards : kInnards) CATCH_CHECK_THAT(outcome.err, !Catch::Contains(innards));
  for (const std::string& name : outcome.left) {
    CATCH_INFO("left behind: " << name);
    CATCH_CHECK(std::count(input.may_leave.begin(), input.may_leave.end(), name) == 1);
  }
}

}  // namespace

void check_bad_inputs(const std::vector<BadInput>& table) {
  std::vector<Run> runs;
  for (const BadInput& input : table)
    runs.push_back({input.arguments, input.file_limit_bytes, input.stdout_path});
  const std::vector<Outcome> outcomes = run_all(runs);
  for (size_t i = 0; i < table.size(); ++i) check(table[i], outcomes[i]);
}

}  // namespace athanor::testing
