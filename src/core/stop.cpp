// The stop flag: set by the first signal; the second one falls back to the default action and ends the
// program.
#include "src/core/stop.h"

#include <atomic>
#include <csignal>

namespace athanor {

namespace {

std::atomic<bool> stop{false};

void on_signal(int signal) {
  stop.store(true, std::memory_order_relaxed);
  std::signal(signal, SIG_DFL);
}

}  // namespace

void install_stop_signals() {
  std::signal(SIGINT, on_signal);
  std::signal(SIGTERM, on_signal);
}

bool stop_requested() { return stop.load(std::memory_order_relaxed); }

void request_stop(bool value) { stop.store(value, std::memory_order_relaxed); }

}  // namespace athanor
