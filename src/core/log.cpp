// spdlog behind four functions: short lines on stderr, timed lines in the run's log.txt.
#include "src/core/log.h"

#include <spdlog/logger.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_color_sinks.h>

#include <memory>

#include "src/core/error.h"

namespace athanor {

namespace {

struct Log {
  std::shared_ptr<spdlog::sinks::stderr_color_sink_mt> screen =
      std::make_shared<spdlog::sinks::stderr_color_sink_mt>();
  spdlog::logger logger{"athanor", screen};

  Log() {
    screen->set_pattern("%v");
    screen->set_level(spdlog::level::info);
    logger.set_level(spdlog::level::debug);
    logger.flush_on(spdlog::level::info);
  }
};

Log& log() {
  static Log instance;
  return instance;
}

}  // namespace

void log_info(const std::string& message) { log().logger.info(message); }
void log_warning(const std::string& message) { log().logger.warn("warning: " + message); }
void log_debug(const std::string& message) { log().logger.debug(message); }

void set_log_file(const std::string& path) {
  auto& sinks = log().logger.sinks();
  sinks.resize(1);
  if (path.empty()) return;
  try {
    auto file = std::make_shared<spdlog::sinks::basic_file_sink_mt>(path);
    file->set_pattern("%Y-%m-%d %H:%M:%S.%e %l %v");
    sinks.push_back(file);
  } catch (const spdlog::spdlog_ex& error) {
    throw Error({path, "cannot open the log file", "", "", error.what()});
  }
}

void set_quiet(bool quiet) { log().screen->set_level(quiet ? spdlog::level::warn : spdlog::level::info); }
void set_verbose(bool verbose) {
  log().screen->set_level(verbose ? spdlog::level::debug : spdlog::level::info);
}

}  // namespace athanor
