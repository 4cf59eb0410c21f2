// athanor bench train: milliseconds a training step. Alone it compares the fused LSTMs with at::lstm and with
// recomputed activations (memory too), and the trainer on a tiny model with a bare LibTorch loop; with
// --serve it runs a round for each line on stdin, so that scripts/bench_train.py can alternate it with
// PyTorch.
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
  const LstmWay way = flags.serve == "at_lstm"      ? LstmWay::kAtLstm
                      : flags.serve == "recomputed" ? LstmWay::kRecomputed
                                                    : LstmWay::kFused;
  const auto round = flags.serve == "bare" ? make_bare_side(flags.one) : make_trainer_side(flags.one, way);
  std::cout << "ready " << step_shape(flags.one) << std::endl;
  for (std::string line; std::getline(std::cin, line) && line == "round";)
    std::cout << decimals(round(), 4) << std::endl;
}

void measure_tiny(const TrainBenchFlags& flags, StepCase one) {
  one.batch = 64;
  one.steps = 2000;
  one.precision = "fp32";
  const auto times = alternate(flags.rounds, {make_trainer_side(one, LstmWay::kFused), make_bare_side(one)});
  print_measurement({.ours = {"train_step/tiny", times[0]},
                     .shape = step_shape(one),
                     .threads = flags.threads,
                     .precision = one.precision,
                     .compared_with = {{"bare LibTorch loop", times[1]}}},
                    flags.json);
}

void measure_lstm(const TrainBenchFlags& flags, const StepCase& one) {
  // One side after the other, the leanest first: memory that a side keeps does not count for the next.
  std::vector<std::function<double()>> sides;
  std::vector<double> peaks;
  for (const LstmWay way : {LstmWay::kRecomputed, LstmWay::kFused, LstmWay::kAtLstm}) {
    sides.push_back(make_trainer_side(one, way));
    peaks.push_back(peak_memory_mib([&] { sides.back()(); }));
  }
  const auto times = alternate(flags.rounds, sides);
  print_measurement(
      {.ours = {"train_step/" + one.name, times[1]},
       .shape = step_shape(one),
       .threads = flags.threads,
       .precision = one.precision,
       .compared_with = {{"the same by at::lstm", times[2]}, {"the same, activations recomputed", times[0]}},
       .more = {{"peak_mib", peaks[1]}, {"at_lstm_peak_mib", peaks[2]}, {"recomputed_peak_mib", peaks[0]}}},
      flags.json);
}

void run_train_bench(const TrainBenchFlags& flags) {
  at::globalContext().setFlushDenormal(true);  // before the first worker thread, which inherits it
  at::set_num_threads(flags.threads);
  if (!flags.serve.empty()) return serve(flags);
  StepCase one = flags.one;
  for (const char* name : {"lstm", "attention"}) {
    one.name = name;
    measure_lstm(flags, one);
  }
  one.name = "tiny";
  measure_tiny(flags, one);
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
  train->add_option("--size", flags->one.size_px, "pixels of a side of the faces")->capture_default_str();
  train->add_option("--steps", flags->one.steps, "steps a round")->capture_default_str();
  train->add_option("--case", flags->one.name, "what --serve trains: lstm, attention, faces or tiny");
  train->add_option("--serve", flags->serve, "run this side, one round for each line `round` on stdin")
      ->check(CLI::IsMember({"trainer", "recomputed", "at_lstm", "bare"}));
  train->footer("Example: athanor bench train --json --rounds 3");
  train->callback([flags] { run_train_bench(*flags); });
}

}  // namespace athanor
