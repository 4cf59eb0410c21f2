// athanor bench train: milliseconds a training step. Alone it compares the fused LSTMs with at::lstm, and the
// trainer on a tiny model with a bare LibTorch loop; with --serve it runs a round for each line on stdin, so
// that scripts/bench_train.py can alternate it with PyTorch.
#include "tools/bench_train.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>

#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>

#include "src/core/text.h"
#include "tools/bench.h"

namespace athanor {
namespace {

struct TrainBenchFlags {
  StepCase one;
  std::string serve;
  int threads = 2, rounds = 6;
  bool json = false;
};

void serve(const TrainBenchFlags& flags) {
  const auto round = flags.serve == "bare" ? make_bare_side(flags.one)
                                           : make_trainer_side(flags.one, flags.serve == "trainer");
  std::cout << "ready " << step_shape(flags.one) << std::endl;
  for (std::string line; std::getline(std::cin, line) && line == "round";)
    std::cout << decimals(round(), 4) << std::endl;
}

void measure(const TrainBenchFlags& flags, StepCase one) {
  const bool tiny = one.name == "tiny";
  if (tiny) {
    one.batch = 64;
    one.steps = 2000;
    one.precision = "fp32";
  }
  const auto times = alternate(flags.rounds, {make_trainer_side(one, true),
                                              tiny ? make_bare_side(one) : make_trainer_side(one, false)});
  print_measurement({.ours = {"train_step/" + one.name, times[0]},
                     .shape = step_shape(one),
                     .threads = flags.threads,
                     .precision = one.precision,
                     .compared_with = {{tiny ? "bare LibTorch loop" : "the same by at::lstm", times[1]}}},
                    flags.json);
}

void run_train_bench(const TrainBenchFlags& flags) {
  at::globalContext().setFlushDenormal(true);  // before the first worker thread, which inherits it
  at::set_num_threads(flags.threads);
  if (!flags.serve.empty()) return serve(flags);
  StepCase one = flags.one;
  for (const char* name : {"lstm", "attention", "tiny"}) {
    one.name = name;
    measure(flags, one);
  }
}

}  // namespace

void add_train_bench(CLI::App& bench) {
  auto flags = std::make_shared<TrainBenchFlags>();
  CLI::App* train = bench.add_subcommand("train", "Training steps: fused LSTMs, and the trainer's own cost");
  train->add_flag("--json", flags->json, "one JSON object a measurement");
  train->add_option("--rounds", flags->rounds, "measured rounds of each side")->capture_default_str();
  train->add_option("--threads", flags->threads, "threads of LibTorch")->capture_default_str();
  train->add_option("--precision", flags->one.precision, "fp32 or bf16")->capture_default_str();
  train->add_option("--batch", flags->one.batch, "samples a batch of the LSTMs")->capture_default_str();
  train->add_option("--hidden", flags->one.hidden, "width of the LSTMs")->capture_default_str();
  train->add_option("--steps", flags->one.steps, "steps a round")->capture_default_str();
  train->add_option("--case", flags->one.name, "what --serve trains: lstm, attention or tiny");
  train->add_option("--serve", flags->serve, "run this side, one round for each line `round` on stdin")
      ->check(CLI::IsMember({"trainer", "at_lstm", "bare"}));
  train->footer("Example: athanor bench train --json --rounds 3");
  train->callback([flags] { run_train_bench(*flags); });
}

}  // namespace athanor
