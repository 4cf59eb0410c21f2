#include "src/core/progress.h"

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstddef>
#include <cstdlib>
#include <iterator>
#include <thread>

namespace athanor {
namespace {

// What can be read now.
std::string drain(int fd) {
  std::string all;
  char buffer[4096];
  pollfd wait{fd, POLLIN, 0};
  while (::poll(&wait, 1, 20) > 0 && (wait.revents & POLLIN) != 0) {
    const ssize_t got = ::read(fd, buffer, sizeof(buffer));
    if (got <= 0) break;
    all.append(buffer, static_cast<size_t>(got));
  }
  return all;
}

// A pseudo-terminal: what is written to `child` is read from `parent`.
struct Terminal {
  explicit Terminal(unsigned short columns) {
    parent = ::posix_openpt(O_RDWR | O_NOCTTY);
    ::grantpt(parent);
    ::unlockpt(parent);
    child = ::open(::ptsname(parent), O_RDWR | O_NOCTTY);
    const winsize size{24, columns, 0, 0};
    ::ioctl(child, TIOCSWINSZ, &size);
    ::setenv("TERM", "xterm", 1);
  }
  ~Terminal() {
    ::close(parent);
    ::close(child);
  }
  int parent = -1, child = -1;
};

ProgressState some_state(int64_t step) {
  return {.epoch = 3,
          .epochs = 20,
          .step = step,
          .steps = 8000,
          .samples = step * 128,
          .loss = 1.08321,
          .lr = 9.5e-4};
}

CATCH_TEST_CASE("progress: a line says epoch, step, loss, rate, throughput and time left", "[unit]") {
  CATCH_CHECK(progress_line(some_state(1204), 12345, 83, 0) ==
              "epoch 3/20  step 1204/8000  loss 1.0832  lr 9.5e-04  12.3k samples/s  ETA 1:23");
  ProgressState little;
  little.step = 5;
  CATCH_CHECK(progress_line(little, 0, -1, 0) == "step 5");
  little.steps = 9;
  little.unit = "texts";
  CATCH_CHECK(progress_line(little, 120, 7, 0) == "texts 5/9  120 texts/s  ETA 0:07");
}

CATCH_TEST_CASE("progress: on a terminal the line never wraps, and the bar takes what is left", "[unit]") {
  for (int columns : {20, 60, 80, 110, 200}) {
    const std::string line = progress_line(some_state(4000), 12345, 83, columns);
    CATCH_CHECK(static_cast<int>(line.size()) < columns);
    CATCH_CHECK((line.find('[') != std::string::npos) == (columns >= 80));
  }
  CATCH_CHECK(progress_line(some_state(4000), 12345, 83, 80) ==
              "epoch 3/20  [==>  ]  step 4000/8000  loss 1.0832  lr 9.5e-04  12.3k/s  ETA 1:23");
  const std::string line = progress_line(some_state(4000), 12345, 83, 200);
  CATCH_CHECK(line.find("[===============>              ]") != std::string::npos);
}

CATCH_TEST_CASE("progress: durations read as clocks do", "[unit]") {
  CATCH_CHECK(duration_text(59) == "0:59");
  CATCH_CHECK(duration_text(3725) == "1:02:05");
  CATCH_CHECK(duration_text(90000) == "1d 1:00:00");
  CATCH_CHECK(duration_text(-1) == "0:00");
}

CATCH_TEST_CASE("progress: away from a terminal there is a plain line every so many steps", "[unit]") {
  int ends[2];
  CATCH_REQUIRE(::pipe(ends) == 0);
  Progress progress({.fd = ends[1], .plain_every_steps = 100, .plain_every_s = 0});
  CATCH_CHECK_FALSE(progress.on_terminal());
  for (int64_t step = 1; step <= 250; ++step) progress.update(some_state(step));
  progress.finish(some_state(250));
  const std::string out = drain(ends[0]);
  CATCH_CHECK(std::count(out.begin(), out.end(), '\n') == 4);  // steps 1, 100, 200 and the end
  CATCH_CHECK(out.find("step 200/8000") != std::string::npos);
  CATCH_CHECK(out.find('\r') == std::string::npos);
  ::close(ends[0]);
  ::close(ends[1]);
}

CATCH_TEST_CASE("progress: a terminal's line is redrawn at most ten times a second, and cleared for others",
                "[unit]") {
  Terminal terminal(110);
  Progress progress({.fd = terminal.child});
  CATCH_REQUIRE(progress.on_terminal());
  for (int64_t step = 1; step <= 20000; ++step) progress.update(some_state(step));
  const std::string drawn = drain(terminal.parent);
  const auto redraws = std::count(drawn.begin(), drawn.end(), '\r');
  CATCH_CHECK(redraws >= 1);
  CATCH_CHECK(redraws <= 3);
  CATCH_CHECK(std::count(drawn.begin(), drawn.end(), '\n') == 0);
  progress.clear();
  CATCH_CHECK(drain(terminal.parent) == "\r\x1b[K");
  progress.finish(some_state(8000));
  const std::string last = drain(terminal.parent);
  CATCH_CHECK(last.find("step 8000/8000") != std::string::npos);
  CATCH_CHECK(last.back() == '\n');
}

CATCH_TEST_CASE("progress: samples a second leave out an evaluation, the time left does not", "[unit]") {
  using std::chrono::milliseconds;
  const auto shown = [](bool told) {
    int ends[2];
    CATCH_REQUIRE(::pipe(ends) == 0);
    Progress progress({.fd = ends[1], .plain_every_steps = 100, .plain_every_s = 0});
    progress.update({.step = 1, .samples = 0});
    std::this_thread::sleep_for(milliseconds(20));
    if (told) progress.pause();
    std::this_thread::sleep_for(milliseconds(180));
    progress.update({.step = 100, .steps = 200, .samples = 200});
    const std::string out = drain(ends[0]);
    ::close(ends[0]);
    ::close(ends[1]);
    const size_t rate = out.rfind("  ", out.find(" samples/s"));
    return std::stod(out.substr(rate));
  };
  CATCH_CHECK(shown(false) < 1100);  // 200 samples in 0.2 s
  CATCH_CHECK(shown(true) > 2000);   // 200 samples in 0.02 s, but for the scheduler's whims
}

// Runs `body` in a child that the kernel kills at its first system call but write and exit.
template <class Body>
bool survives_without_system_calls(const Body& body) {
  const pid_t child = ::fork();
  if (child == 0) {
    sock_filter rules[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_write, 1, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
    };
    const sock_fprog program{std::size(rules), rules};
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
      ::_exit(1);
    body();
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

CATCH_TEST_CASE("progress: a step that prints nothing makes no system call", "[unit]") {
  if (!survives_without_system_calls([] { (void)std::chrono::steady_clock::now(); })) {
    CATCH_WARN(
        "skipped: the clock (or a sanitizer) makes system calls of its own here, or seccomp is not to be "
        "had");
    return;
  }
  int ends[2];
  CATCH_REQUIRE(::pipe(ends) == 0);
  Progress progress({.fd = ends[1], .plain_every_steps = 1000000, .plain_every_s = 60});
  progress.update(some_state(1));
  drain(ends[0]);
  CATCH_CHECK(survives_without_system_calls([&] {
    for (int64_t step = 2; step <= 100000; ++step) progress.update(some_state(step));
  }));
  CATCH_CHECK(drain(ends[0]).empty());
  CATCH_CHECK_FALSE(survives_without_system_calls([&] { ::getppid(); }));  // the trap works
  ::close(ends[0]);
  ::close(ends[1]);
}

}  // namespace
}  // namespace athanor
