// Joins the parts of an Error into its one line.
#include "src/core/error.h"

namespace athanor {

namespace {

std::string one_line(const ErrorText& parts) {
  std::string line = parts.where.empty() ? "" : parts.where + ": ";
  line += parts.what;
  if (!parts.expected.empty()) line += "; expected " + parts.expected;
  if (!parts.got.empty()) line += (parts.expected.empty() ? "; got " : ", got ") + parts.got;
  if (!parts.hint.empty()) line += "; hint: " + parts.hint;
  // What came out of a broken file may hold anything, also what a terminal obeys.
  for (char& c : line)
    if (static_cast<unsigned char>(c) < ' ' || c == 0x7F) c = c == '\n' || c == '\r' || c == '\t' ? ' ' : '?';
  return line;
}

}  // namespace

Error::Error(const ErrorText& parts, ExitCode exit_code)
    : std::runtime_error(one_line(parts)), exit_code_(exit_code) {}

Error usage_error(const ErrorText& parts) { return Error(parts, ExitCode::kUsage); }

}  // namespace athanor
