// The progress of a run on stderr: on a terminal one line redrawn at most ten times a second, elsewhere plain
// lines now and then. A step that prints nothing makes no system call (the clock is read through the vDSO).
#pragma once

#include <chrono>
#include <cstdint>
#include <limits>
#include <string>

namespace athanor {

struct ProgressOptions {
  int fd = 2;
  double redraw_every_s = 0.1;    // on a terminal
  int64_t plain_every_steps = 0;  // elsewhere: a line every so many steps (0: by time alone) …
  double plain_every_s = 10;      // … and every so many seconds (0: by steps alone)
};

struct ProgressState {
  int64_t epoch = 0;                                       // from 1
  int64_t epochs = 0;                                      // 0: not known
  int64_t step = 0;                                        // done
  int64_t steps = 0;                                       // planned, 0: not known
  int64_t samples = 0;                                     // seen by this process
  const char* unit = nullptr;                              // "texts": what is counted, instead of steps
  double loss = std::numeric_limits<double>::quiet_NaN();  // NaN: not known yet, left out
  double lr = std::numeric_limits<double>::quiet_NaN();
};

class Progress {
 public:
  explicit Progress(const ProgressOptions& options = {});
  // Ends the line on a terminal.
  ~Progress();

  // Whether update() would print now: ask before fetching a loss from the device.
  bool due(int64_t step);
  // Prints if due. The first call starts the clock of the ETA and prints as well.
  void update(const ProgressState& state);
  // Takes the line off the terminal before something else writes; the next update draws it again.
  void clear();
  // Time until the next due() or update() does not count as training (an evaluation, a checkpoint): samples/s
  // leaves it out, the ETA keeps it.
  void pause();
  // Prints the last state and ends the line.
  void finish(const ProgressState& state);

  bool on_terminal() const { return terminal_; }

 private:
  using Clock = std::chrono::steady_clock;
  void print(const ProgressState& state);
  void measure(const ProgressState& state, Clock::time_point now);

  ProgressOptions options_;
  bool terminal_ = false;
  bool started_ = false;
  bool drawn_ = false;
  bool paused_ = false;
  Clock::time_point start_, last_print_, last_measure_, paused_at_;
  int64_t first_step_ = 0, last_printed_step_ = 0, last_samples_ = 0;
  double samples_per_s_ = 0;
};

// The line for a terminal of `columns` columns, with a bar; or without one and without a limit for columns =
// 0. `eta_s` < 0 and `samples_per_s` <= 0 mean not known.
std::string progress_line(const ProgressState& state, double samples_per_s, double eta_s, int columns);

// 59 -> "0:59", 3725 -> "1:02:05", 90000 -> "1d 1:00:00".
std::string duration_text(double seconds);

}  // namespace athanor
