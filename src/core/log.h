// Messages for people, on stderr and in the run's log.txt. Knows nothing of torch: spdlog and torch each
// bring an fmt of their own and must not meet in one file.
#pragma once

#include <string>

namespace athanor {

void log_info(const std::string& message);
void log_warning(const std::string& message);
// Only in log.txt (and on stderr after set_verbose(true)).
void log_debug(const std::string& message);

// Messages are appended to this file too ("" for none). Throws Error where it cannot be opened.
void set_log_file(const std::string& path);
// Nothing below a warning on stderr.
void set_quiet(bool quiet);
void set_verbose(bool verbose);

}  // namespace athanor
