// The one exception type: what went wrong, where, what was expected, what was got, and a hint, on one line.
// main() holds the only catch; assertions are for programmer mistakes, Error is for the user's world.
#pragma once

#include <stdexcept>
#include <string>

namespace athanor {

enum class ExitCode { kDone = 0, kFailed = 1, kUsage = 2, kInterrupted = 130 };

// Parts of a message; empty ones are left out: "where: what; expected E, got G; hint: H".
struct ErrorText {
  std::string where = {};     // "configs/x.yaml:12", "bars.h5: sequences/M1"
  std::string what = {};      // "unknown key 'optim.lrr'"
  std::string expected = {};  // "float32 [N,480,11]"
  std::string got = {};       // "float64 [100,480,9]"
  std::string hint = {};      // "did you mean 'lr'?"
};

class Error : public std::runtime_error {
 public:
  explicit Error(const ErrorText& text, ExitCode exit_code = ExitCode::kFailed);
  ExitCode exit_code() const { return exit_code_; }

 private:
  ExitCode exit_code_;
};

// An Error for a wrong command line or configuration (exit code 2).
Error usage_error(const ErrorText& text);

}  // namespace athanor
