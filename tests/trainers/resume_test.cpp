// A killed and resumed run against the uninterrupted one, bit for bit. The runs are processes of their own:
// this program started again with the hidden test at the end of the file.
#include <ATen/core/Tensor.h>
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>

#include "src/core/files.h"
#include "src/core/log.h"
#include "src/core/random.h"
#include "src/core/safetensors.h"
#include "src/core/stop.h"
#include "src/core/text.h"
#include "tests/trainers/toy.h"

using namespace athanor;

namespace {

// Accumulation with a short last group and batch, bf16, dropout, shuffle, augmentation, clipping, an average
// of the weights, cosine after warm-up.
ToyOptions mixed_precision_job() {
  ToyOptions options;
  options.model = "multi_timeframe_lstm";
  options.model_settings = {"hidden=8", "layers=2", "dropout=0.3", "fusion=mean"};
  options.loader.shuffle_block = 64;
  options.trainer.precision = "bf16";
  options.trainer.accumulate_steps = 3;
  options.trainer.clip_norm = 0.5;
  options.trainer.ema_decay = 0.9;
  options.augment = true;
  options.trainer.max_epochs = 4;
  options.trainer.checkpoint_every_steps = 3;
  options.trainer.eval_every_steps = 5;
  options.schedule.name = "cosine";
  options.schedule.warmup_steps = 3;
  return options;
}

// A plateau that cuts the rate early, and early stopping that ends the run.
ToyOptions plateau_job() {
  ToyOptions options;
  options.model_settings = {"hidden=[16]"};
  options.optimizer.name = "sgd";
  options.optimizer.lr = 0.5;
  options.schedule.name = "plateau";
  options.schedule.patience = 0;
  options.trainer.max_epochs = 40;
  options.trainer.eval_every_steps = 3;
  options.trainer.checkpoint_every_steps = 4;
  options.trainer.early_stopping_patience = 4;
  return options;
}

// State carried from batch to batch through ordered streams.
ToyOptions carried_state_job() {
  ToyOptions options;
  options.model = "multi_timeframe_lstm";
  options.model_settings = {"hidden=8", "layers=1", "carry_state=true"};
  options.loader.order = "streams";
  options.trainer.max_epochs = 3;
  options.trainer.checkpoint_every_steps = 2;
  return options;
}

const std::map<std::string, ToyOptions (*)()>& jobs() {
  static const std::map<std::string, ToyOptions (*)()> all = {{"mixed_precision", mixed_precision_job},
                                                              {"plateau", plateau_job},
                                                              {"carried_state", carried_state_job}};
  return all;
}

// Runs the hidden test below; `die_at` is the number of the loss before which the process dies (0: never).
int run_process(const std::string& job, const std::string& run_dir, bool resume, int64_t die_at, int signal) {
  ::setenv("ATHANOR_TEST_JOB", job.c_str(), 1);
  ::setenv("ATHANOR_TEST_RUN_DIR", run_dir.c_str(), 1);
  ::setenv("ATHANOR_TEST_RESUME", resume ? "1" : "", 1);
  ::setenv("ATHANOR_TEST_DIE_AT", std::to_string(die_at).c_str(), 1);
  ::setenv("ATHANOR_TEST_SIGNAL", std::to_string(signal).c_str(), 1);
  // Spinning threads of two runs at once, on a machine that has other work, would take minutes.
  ::setenv("OMP_WAIT_POLICY", "passive", 1);
  std::string program = "/proc/self/exe", name = "child: one training run";
  char* arguments[] = {program.data(), name.data(), nullptr};
  const std::string output = run_dir + ".output";
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  for (const int fd : {STDOUT_FILENO, STDERR_FILENO})
    ::posix_spawn_file_actions_addopen(&actions, fd, output.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
  pid_t child = 0;
  const int failed = ::posix_spawn(&child, program.c_str(), &actions, nullptr, arguments, environ);
  ::posix_spawn_file_actions_destroy(&actions);
  CATCH_REQUIRE(failed == 0);
  int status = 0;
  CATCH_REQUIRE(::waitpid(child, &status, 0) == child);
  if (WIFEXITED(status) && WEXITSTATUS(status) != 0) CATCH_WARN(read_file(output));
  return status;
}

// metrics.jsonl without what the clock says.
std::string metrics_of(const std::string& run_dir) {
  std::string all;
  for (const std::string& line : split(read_file(run_dir + "/metrics.jsonl"), '\n')) {
    if (line.empty()) continue;
    auto json = nlohmann::ordered_json::parse(line);
    json.erase("wall");
    all += json.dump() + "\n";
  }
  return all;
}

void check_same_end(const std::string& run_dir, const std::string& reference) {
  for (const char* file : {"/checkpoints/last/model.safetensors", "/checkpoints/last/training.safetensors"})
    CATCH_CHECK(read_file(run_dir + file) == read_file(reference + file));
  CATCH_CHECK(metrics_of(run_dir) == metrics_of(reference));
  CATCH_CHECK(std::filesystem::read_symlink(run_dir + "/checkpoints/best") ==
              std::filesystem::read_symlink(reference + "/checkpoints/best"));
}

void kill_and_resume(const std::string& job, const std::vector<int64_t>& deaths) {
  const Scratch scratch;
  const std::string reference = scratch.path("whole"), killed = scratch.path("killed");
  CATCH_REQUIRE(run_process(job, reference, false, 0, 0) == 0);
  bool resume = false;
  for (const int64_t die_at : deaths) {
    const int status = run_process(job, killed, resume, die_at, SIGKILL);
    CATCH_REQUIRE(WIFSIGNALED(status));
    CATCH_REQUIRE(WTERMSIG(status) == SIGKILL);
    resume = true;
  }
  CATCH_REQUIRE(run_process(job, killed, true, 0, 0) == 0);
  check_same_end(killed, reference);
}

}  // namespace

CATCH_TEST_CASE(
    "resume: killed three times under bf16, accumulation, dropout, augmentation and averaging, the end is "
    "the same",
    "[unit]") {
  const uint64_t seed = GENERATE_COPY(1u, 2u);
  Rng rng(mix_seed(seed, 17));
  std::vector<int64_t> deaths;
  // A resumed process begins again at most a checkpoint back, so these come at ever later steps of the run.
  for (int i = 0; i < 3; ++i) deaths.push_back(2 + static_cast<int64_t>(rng.below(14)));
  CATCH_INFO("deaths at losses " << deaths[0] << ", " << deaths[1] << ", " << deaths[2]);
  kill_and_resume("mixed_precision", deaths);
}

CATCH_TEST_CASE("resume: a run killed before its first checkpoint begins again", "[unit]") {
  kill_and_resume("mixed_precision", {2});
}

CATCH_TEST_CASE("resume: plateau and early stopping remember what they saw", "[unit]") {
  kill_and_resume("plateau", {9, 20});
}

CATCH_TEST_CASE("resume: carried state goes on where it was", "[unit]") {
  kill_and_resume("carried_state", {9, 8});
}

CATCH_TEST_CASE("resume: a run stopped by SIGTERM inside an evaluation still makes that evaluation",
                "[unit]") {
  const Scratch scratch;
  const std::string reference = scratch.path("whole"), stopped = scratch.path("stopped");
  CATCH_REQUIRE(run_process("plateau", reference, false, 0, 0) == 0);
  // Losses 1 to 3 are the first steps', 4 to 6 the evaluation's after step 3.
  const int status = run_process("plateau", stopped, false, 5, SIGTERM);
  CATCH_REQUIRE(WIFEXITED(status));
  CATCH_CHECK(metrics_of(stopped).find("val/loss") == std::string::npos);
  CATCH_REQUIRE(run_process("plateau", stopped, true, 0, 0) == 0);
  check_same_end(stopped, reference);
}

CATCH_TEST_CASE("resume: a run made longer equals one that was long from the start", "[unit]") {
  const Scratch scratch;
  ToyOptions options = mixed_precision_job();
  options.schedule.total_steps = 12;
  options.trainer.max_steps = 12;
  Toy(options).run(scratch.path("long"));
  options.trainer.max_steps = 7;
  Toy(options).run(scratch.path("short"));
  CATCH_CHECK(metrics_of(scratch.path("short")).find("\"step\":7") != std::string::npos);
  options.trainer.max_steps = 12;
  Toy(options).run(scratch.path("short"), /*resume=*/true);
  check_same_end(scratch.path("short"), scratch.path("long"));
}

CATCH_TEST_CASE("child: one training run", "[.]") {
  const char* job = std::getenv("ATHANOR_TEST_JOB");
  CATCH_REQUIRE(job != nullptr);
  const int64_t die_at = std::stoll(std::getenv("ATHANOR_TEST_DIE_AT"));
  const int signal = std::stoi(std::getenv("ATHANOR_TEST_SIGNAL"));
  const bool resume = *std::getenv("ATHANOR_TEST_RESUME") != '\0';
  install_stop_signals();
  int64_t losses = 0;
  auto objective = std::make_unique<WatchedObjective>(make_toy_objective("direction_magnitude"),
                                                      [&losses, die_at, signal](const TensorMap&) {
                                                        if (++losses == die_at) ::raise(signal);
                                                      });
  Toy toy(jobs().at(job)(), std::move(objective));
  toy.run(std::getenv("ATHANOR_TEST_RUN_DIR"), resume);
}
