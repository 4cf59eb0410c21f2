#include "src/core/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "src/core/text.h"

namespace athanor {
namespace {

constexpr int kDefaultColumns = 80;
constexpr int kWidestBar = 30;
constexpr int kNarrowestBar = 5;
constexpr double kRateWindow_s = 5;  // the throughput shown forgets what is older than a few of these

double seconds(std::chrono::steady_clock::duration time) {
  return std::chrono::duration<double>(time).count();
}

int terminal_columns(int fd) {
  winsize size{};
  return ::ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : kDefaultColumns;
}

// One write a line, so that lines of several writers do not mix; what a closed terminal does not take is
// lost.
void put(int fd, const std::string& bytes) {
  if (::write(fd, bytes.data(), bytes.size()) < 0) return;
}

std::string scientific(double value) {
  char buffer[32];
  std::snprintf(buffer, sizeof(buffer), "%.1e", value);
  return buffer;
}

std::string rate_text(double per_s) {
  if (per_s >= 1e6) return decimals(per_s / 1e6, 2) + "M";
  if (per_s >= 1e4) return decimals(per_s / 1e3, 1) + "k";
  return decimals(per_s, per_s < 10 ? 1 : 0);
}

std::string bar_text(const ProgressState& state, int width) {
  const double share =
      std::clamp(static_cast<double>(state.step) / static_cast<double>(state.steps), 0.0, 1.0);
  const int full = static_cast<int>(share * width);
  std::string bar(static_cast<size_t>(width), ' ');
  std::fill_n(bar.begin(), full, '=');
  if (full < width) bar[static_cast<size_t>(full)] = '>';
  return "[" + bar + "]";
}

}  // namespace

std::string duration_text(double seconds) {
  const int64_t whole = std::llround(std::max(0.0, std::min(seconds, 1e12)));
  const int64_t days = whole / 86400, hours = whole / 3600 % 24, minutes = whole / 60 % 60;
  char buffer[48];
  if (days > 0) {
    std::snprintf(buffer, sizeof(buffer), "%ldd %ld:%02ld:%02ld", days, hours, minutes, whole % 60);
  } else if (hours > 0) {
    std::snprintf(buffer, sizeof(buffer), "%ld:%02ld:%02ld", hours, minutes, whole % 60);
  } else {
    std::snprintf(buffer, sizeof(buffer), "%ld:%02ld", minutes, whole % 60);
  }
  return buffer;
}

namespace {

std::string numbers_text(const ProgressState& state, double samples_per_s, double eta_s,
                         const std::string& rate_unit) {
  const char* counted = state.unit == nullptr ? "step" : state.unit;
  std::string out = text(counted, " ", state.step, state.steps > 0 ? text("/", state.steps) : std::string());
  if (!std::isnan(state.loss)) out += "  loss " + decimals(state.loss, 4);
  if (!std::isnan(state.lr)) out += "  lr " + scientific(state.lr);
  if (samples_per_s > 0) out += "  " + rate_text(samples_per_s) + rate_unit;
  if (eta_s >= 0) out += "  ETA " + duration_text(eta_s);
  return out;
}

}  // namespace

std::string progress_line(const ProgressState& state, double samples_per_s, double eta_s, int columns) {
  std::string head;
  if (state.epoch > 0)
    head = text("epoch ", state.epoch, state.epochs > 0 ? text("/", state.epochs) : std::string(), "  ");
  std::string numbers = numbers_text(state, samples_per_s, eta_s,
                                     text(" ", state.unit == nullptr ? "samples" : state.unit, "/s"));
  if (columns <= 0) return head + numbers;
  // A full last column would wrap; brackets and two spaces go with the bar.
  const auto room = [&] { return columns - 1 - 4 - static_cast<int>(head.size() + numbers.size()); };
  if (room() < kNarrowestBar) numbers = numbers_text(state, samples_per_s, eta_s, "/s");
  if (state.steps > 0 && room() >= kNarrowestBar)
    head += bar_text(state, std::min(room(), kWidestBar)) + "  ";
  return (head + numbers).substr(0, static_cast<size_t>(columns - 1));
}

Progress::Progress(const ProgressOptions& options) : options_(options) {
  const char* term = std::getenv("TERM");
  const bool dumb = term == nullptr || std::string(term) == "dumb";
  terminal_ = ::isatty(options_.fd) == 1 && !dumb;
}

Progress::~Progress() {
  if (drawn_) put(options_.fd, "\n");
}

bool Progress::due(int64_t step) {
  if (!started_) return true;
  const Clock::time_point now = Clock::now();
  if (paused_) last_measure_ += now - paused_at_;
  paused_ = false;
  const double since_s = seconds(now - last_print_);
  if (terminal_) return since_s >= options_.redraw_every_s;
  const int64_t every = options_.plain_every_steps;
  return (every > 0 && step / every != last_printed_step_ / every) ||
         (options_.plain_every_s > 0 && since_s >= options_.plain_every_s);
}

void Progress::update(const ProgressState& state) {
  if (!started_) {
    started_ = true;
    start_ = last_measure_ = Clock::now();
    first_step_ = state.step;
    last_samples_ = state.samples;
  } else if (!due(state.step)) {
    return;
  }
  print(state);
}

// The throughput is a mean over time in which older seconds weigh less and less.
void Progress::measure(const ProgressState& state, Clock::time_point now) {
  const double passed_s = seconds(now - last_measure_);
  if (passed_s <= 0 || state.samples <= last_samples_) return;
  const double rate = static_cast<double>(state.samples - last_samples_) / passed_s;
  const double weight = samples_per_s_ == 0 ? 1 : 1 - std::exp(-passed_s / kRateWindow_s);
  samples_per_s_ += weight * (rate - samples_per_s_);
  last_measure_ = now;
  last_samples_ = state.samples;
}

void Progress::print(const ProgressState& state) {
  const Clock::time_point now = Clock::now();
  measure(state, now);
  const int64_t done = state.step - first_step_;
  double eta_s = -1;
  if (done > 0 && state.steps > 0)
    eta_s = seconds(now - start_) / static_cast<double>(done) * static_cast<double>(state.steps - state.step);
  const int columns = terminal_ ? terminal_columns(options_.fd) : 0;
  const std::string line = progress_line(state, samples_per_s_, eta_s, columns);
  put(options_.fd, terminal_ ? "\r" + line + "\x1b[K" : line + "\n");
  drawn_ = terminal_;
  last_print_ = now;
  last_printed_step_ = state.step;
}

void Progress::clear() {
  if (drawn_) put(options_.fd, "\r\x1b[K");
  drawn_ = false;
}

void Progress::pause() {
  if (!paused_) paused_at_ = Clock::now();
  paused_ = true;
}

void Progress::finish(const ProgressState& state) {
  if (terminal_ || !started_ || state.step != last_printed_step_) print(state);
  if (drawn_) put(options_.fd, "\n");
  drawn_ = false;
}

}  // namespace athanor
