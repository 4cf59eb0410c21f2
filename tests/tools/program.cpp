#include "tests/tools/program.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <thread>

namespace athanor::testing {
namespace {

namespace fs = std::filesystem;
constexpr std::chrono::milliseconds kPatience(30'000);

const fs::path& scratch() {
  struct Scratch {
    fs::path path = fs::temp_directory_path() / ("athanor_tools_" + std::to_string(::getpid()));
    Scratch() { fs::create_directories(path); }
    ~Scratch() {
      std::error_code ignored;
      fs::remove_all(path, ignored);
    }
  };
  static const Scratch scratch;
  return scratch.path;
}

void redirect(const fs::path& file, int to) {
  const int fd = ::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
  if (fd < 0 || ::dup2(fd, to) < 0) ::_exit(126);
}

[[noreturn]] void become_athanor(const Run& run, const fs::path& folder, const fs::path& out,
                                 const fs::path& err) {
  if (::chdir(folder.c_str()) != 0) ::_exit(126);
  ::setpgid(0, 0);
  redirect(out, STDOUT_FILENO);
  redirect(err, STDERR_FILENO);
  redirect("/dev/null", STDIN_FILENO);
  if (run.file_limit_bytes > 0) {
    ::signal(SIGXFSZ, SIG_IGN);  // a full disk sends no signal either
    const auto bytes = static_cast<rlim_t>(run.file_limit_bytes);
    const rlimit limit{bytes, bytes};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  std::vector<char*> arguments{const_cast<char*>("athanor")};
  for (const std::string& argument : run.arguments) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  ::execv(ATHANOR_BINARY_DIR "/athanor", arguments.data());
  ::_exit(127);
}

int wait_for(pid_t child, int64_t kill_after_ms, int kill_signal, int64_t& peak_bytes) {
  const auto start = std::chrono::steady_clock::now();
  bool to_kill = kill_after_ms > 0;
  int status = 0;
  rusage used{};
  while (::wait4(child, &status, WNOHANG, &used) == 0) {
    const auto passed = std::chrono::steady_clock::now() - start;
    if (to_kill && passed > std::chrono::milliseconds(kill_after_ms)) {
      ::kill(child, kill_signal);
      to_kill = false;
    }
    if (passed > kPatience) {
      ::kill(child, SIGKILL);
      ::waitpid(child, &status, 0);
      return 124;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(kill_after_ms > 0 ? 1 : 5));
  }
  peak_bytes = used.ru_maxrss * 1024;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

std::string read_all(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void need(const Run& run) {
  const Outcome outcome = run_athanor(run);
  if (outcome.exit_code != 0) throw std::runtime_error("the fixtures cannot be made: " + outcome.err);
}

std::string make_fixtures() {
  const std::string folder = scratch() / "fixtures";
  fs::create_directories(folder);
  const auto in = [&](const char* name) { return folder + "/" + name; };
  std::ofstream(in("job.yaml")) << "data:\n"
                                   "  name: bars\n"
                                   "  path: "
                                << in("bars.h5")
                                << "\n"
                                   "  batch_size: 32\n"
                                   "model:\n"
                                   "  name: multi_timeframe_lstm\n"
                                   "  hidden: 8\n"
                                   "  layers: 1\n"
                                   "trainer:\n"
                                   "  max_steps: 4\n"
                                   "prepare:\n"
                                   "  windows: {M1: 16, M5: 8}\n"
                                   "  features: [return, body, volume]\n";
  need({{"synth", "bars", "--output", in("bars.csv"), "--minutes", "4000"}});
  const auto prepare = [&](const char* name, std::vector<std::string> more) {
    std::vector<std::string> arguments{"prepare", "bars",         "--config", in("job.yaml"),
                                       "--input", in("bars.csv"), "--output", in(name)};
    arguments.insert(arguments.end(), more.begin(), more.end());
    need({arguments});
  };
  prepare("bars.h5", {});
  prepare("windows.h5", {"--layout", "windows"});
  prepare("features.h5", {"--layout", "features"});
  prepare("other.h5", {"prepare.windows={M1: 20, M5: 8}"});
  need({{"train", in("job.yaml"), "--run-dir", in("run")}});
  return folder;
}

}  // namespace

Outcome run_athanor(const Run& run) {
  static std::atomic<int> count{0};
  const fs::path folder = scratch() / std::to_string(count++);
  const fs::path out = folder.string() + ".out", err = folder.string() + ".err";
  fs::create_directories(folder);
  const pid_t child = ::fork();
  if (child == 0) become_athanor(run, folder, run.stdout_path.empty() ? out : fs::path(run.stdout_path), err);
  Outcome outcome;
  outcome.exit_code = wait_for(child, run.kill_after_ms, run.kill_signal, outcome.peak_bytes);
  outcome.out = run.stdout_path.empty() ? read_all(out) : "";
  outcome.err = read_all(err);
  for (const auto& entry : fs::directory_iterator(folder)) outcome.left.push_back(entry.path().filename());
  fs::remove_all(folder);
  return outcome;
}

std::vector<Outcome> run_all(const std::vector<Run>& runs) {
  std::vector<Outcome> outcomes(runs.size());
  std::atomic<size_t> next{0};
  const auto work = [&] {
    for (size_t i; (i = next++) < runs.size();) outcomes[i] = run_athanor(runs[i]);
  };
  std::thread other(work);
  work();
  other.join();
  return outcomes;
}

const std::string& fixtures() {
  static const std::string folder = make_fixtures();
  return folder;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    lines.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return lines;
}

}  // namespace athanor::testing
