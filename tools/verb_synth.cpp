// athanor synth bars: minutes of a made market, and the best accuracy that anyone can reach on it.
// athanor synth faces: made faces and the class of each of their pixels.
#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "data/bars/bar_time.h"
#include "data/bars/market_bayes.h"
#include "data/images/synth_faces.h"
#include "src/core/config.h"
#include "src/core/files.h"
#include "src/core/text.h"
#include "tools/verbs.h"
#include "trainers/job.h"

namespace athanor {
namespace {

struct SynthFlags {
  std::string output, json, config;
  int64_t minutes = 60000;
  uint64_t seed = 1;
  std::vector<std::string> overrides;
};

nlohmann::ordered_json accuracy_json(const AttainableAccuracy& accuracy) {
  return {{"samples", accuracy.samples},
          {"attainable_expected", accuracy.expected},
          {"attainable_realized", accuracy.realized},
          {"majority", accuracy.majority},
          {"persistence", accuracy.persistence}};
}

void print_accuracy(const char* name, const AttainableAccuracy& accuracy) {
  std::cout << "  " << name << decimals(accuracy.expected, 3) << "     " << decimals(accuracy.realized, 3)
            << "     " << decimals(accuracy.majority, 3) << "     " << decimals(accuracy.persistence, 3)
            << "        " << accuracy.samples << "\n";
}

void print_attainable(const Attainable& attainable, const PreparedBars& data) {
  std::cout << "direction " << data.rule.horizon_bars << " bars ahead (down "
            << decimals(attainable.class_shares[0], 3) << ", neutral "
            << decimals(attainable.class_shares[1], 3) << ", up " << decimals(attainable.class_shares[2], 3)
            << "): accuracy of the exact Bayes predictor, which knows the "
            << "market's rules and sees the closes, and of two baselines\n"
            << "           expected  realized  majority  persistence  samples\n";
  print_accuracy("all        ", attainable.all);
  print_accuracy("test split ", attainable.test);
}

void run_synth_bars(const SynthFlags& flags) {
  JobConfig job;
  read_config(flags.config, flags.overrides, fields_of(job));
  const MarketRules rules;
  const Bars bars = make_market(flags.minutes, flags.seed, rules).bars;
  write_bars_csv(bars, flags.output, kMarketDigits);
  std::cout << "wrote " << flags.output << ": " << bars.size() << " minutes, " << time_text(bars.time.front())
            << " to " << time_text(bars.time.back()) << ", seed " << flags.seed << "\n";
  nlohmann::ordered_json json = {{"minutes", flags.minutes}, {"seed", flags.seed}};
  if (const auto data = find_prepared_bars(bars, job.prepare)) {
    const Attainable attainable = attainable_accuracy(bars, *data, rules);
    print_attainable(attainable, *data);
    json["horizon_bars"] = data->rule.horizon_bars;
    json["class_shares"] = attainable.class_shares;
    json["all"] = accuracy_json(attainable.all);
    json["test"] = accuracy_json(attainable.test);
  } else {
    std::cout << "too few minutes for a sample in every split (prepare.windows): no attainable accuracy\n";
  }
  if (!flags.json.empty()) write_file_atomically(flags.json, json.dump(2) + "\n");
}

void run_synth_faces(const SynthFacesOptions& options) {
  const SynthFacesCounts counts = write_synth_faces(options);
  std::cout << "wrote " << options.output << ": " << counts.train << " faces to train, " << counts.val
            << " to validate, " << counts.test << " to test, " << options.size_px << " x " << options.size_px
            << " pixels, seed " << options.seed << "\n";
}

void add_synth_faces(CLI::App& synth) {
  CLI::App* faces =
      synth.add_subcommand("faces", "Faces and masks of CelebAMask-HQ's 19 classes, in train, val and test");
  auto options = std::make_shared<SynthFacesOptions>();
  faces->add_option("--output", options->output, "the folder to make")->required();
  faces->add_option("--count", options->count, "faces, of which 15 % validate and 15 % test")
      ->capture_default_str()
      ->check(CLI::Range(4, 1000000));
  faces->add_option("--size", options->size_px, "pixels of a side")
      ->capture_default_str()
      ->check(CLI::Range(16, 4096));
  faces->add_option("--seed", options->seed, "the same seed gives the same faces")->capture_default_str();
  faces->add_option("--threads", options->threads, "that draw")
      ->capture_default_str()
      ->check(CLI::Range(1, 256));
  faces->footer("Example: athanor synth faces --output faces --count 600 --size 128");
  faces->callback([options] { run_synth_faces(*options); });
}

}  // namespace

void add_synth_verb(CLI::App& app) {
  CLI::App* synth = app.add_subcommand("synth", "Make data to try things on: a market, faces");
  synth->require_subcommand(1);
  synth->footer("Example: athanor synth bars --output M1.csv");
  CLI::App* bars = synth->add_subcommand(
      "bars", "Minutes of a market that switches between three hidden regimes: down, range, up");
  auto flags = std::make_shared<SynthFlags>();
  bars->add_option("--output", flags->output, "the CSV file to write")->required();
  bars->add_option("--minutes", flags->minutes, "bars to make")
      ->capture_default_str()
      ->check(CLI::Range(2, 10000000));
  bars->add_option("--seed", flags->seed, "the same seed gives the same bars")->capture_default_str();
  bars->add_option("--json", flags->json, "write the accuracies there too");
  bars->add_option("--config", flags->config, "a job file; its section `prepare` says which samples count");
  bars->add_option("overrides", flags->overrides, "prepare.key=value …");
  bars->footer("Example: athanor synth bars --output M1.csv --minutes 60000 --seed 7 --json attainable.json");
  bars->callback([flags] { run_synth_bars(*flags); });
  add_synth_faces(*synth);
}

}  // namespace athanor
