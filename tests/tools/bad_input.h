// A table of bad inputs and the check that each is answered by one clear line and the right exit code, with
// nothing half-written.
#pragma once

#include <string>
#include <vector>

#include "tests/tools/program.h"

namespace athanor::testing {

struct BadInput {
  std::string name;                    // of the mistake
  std::vector<std::string> arguments;  // of athanor
  int exit_code;                       // 2 wrong usage or config, 1 failed
  std::vector<std::string> fragments;  // all of which the line holds
  int64_t file_limit_bytes = 0;
  bool may_log = false;                     // lines of the run may stand before the error
  std::vector<std::string> may_leave = {};  // what it may leave in its folder
  std::string stdout_path = {};
};

// Runs all, and checks each with Catch.
void check_bad_inputs(const std::vector<BadInput>& table);

}  // namespace athanor::testing
