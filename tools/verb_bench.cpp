// athanor bench NAME: timings, each against a rival in the same run, alternating.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>

#include "src/core/text.h"
#include "tools/bench.h"
#include "tools/verbs.h"

namespace athanor {
namespace {

using Json = nlohmann::ordered_json;

double rounded(double value) { return std::stod(decimals(value, 3)); }

Json rounds_json(const Rounds& rounds) {
  Json values = Json::array();
  for (const double ms : rounds.rounds_ms) values.push_back(rounded(ms));
  return {{"name", rounds.name}, {"rounds_ms", values}, {"median_ms", rounded(rounds.median_ms())}};
}

Json measurement_json(const Measurement& measurement) {
  Json out = {{"name", measurement.ours.name},
              {"shape", measurement.shape},
              {"threads", measurement.threads},
              {"precision", measurement.precision}};
  out.update(rounds_json(measurement.ours));
  if (measurement.samples > 0)
    out["samples_per_s"] = std::round(measurement.samples / measurement.ours.median_ms() * 1000);
  for (const auto& [name, value] : measurement.more) out[name] = std::stod(decimals(value, 6));
  out["compared_with"] = Json::array();
  for (const Rounds& rival : measurement.compared_with) {
    Json entry = rounds_json(rival);
    entry["times_faster"] = rounded(rival.median_ms() / measurement.ours.median_ms());
    out["compared_with"].push_back(entry);
  }
  return out;
}

std::string measurement_line(const Measurement& measurement) {
  const double median = measurement.ours.median_ms();
  std::string line = text(measurement.ours.name, " ", measurement.shape, ": ", decimals(median, 1), " ms");
  if (measurement.samples > 0)
    line += text(", ", std::llround(measurement.samples / median * 1000), " samples/s");
  for (const Rounds& rival : measurement.compared_with)
    line += text("; ", decimals(rival.median_ms() / median, 2), " times faster than ", rival.name, " (",
                 decimals(rival.median_ms(), 1), " ms)");
  for (const auto& [name, value] : measurement.more)
    line += text("; ", name, " ", decimals(value, value < 2 ? 5 : 1));
  return line;
}

}  // namespace

double Rounds::median_ms() const {
  std::vector<double> sorted = rounds_ms;
  if (sorted.empty()) return 0;
  std::sort(sorted.begin(), sorted.end());
  const size_t middle = sorted.size() / 2;
  return sorted.size() % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

void print_measurement(const Measurement& measurement, bool json) {
  if (json)
    std::cout << measurement_json(measurement).dump() << std::endl;
  else
    std::cout << measurement_line(measurement) << std::endl;
}

std::vector<std::vector<double>> alternate(int rounds, const std::vector<std::function<double()>>& sides) {
  std::vector<std::vector<double>> times(sides.size());
  for (const auto& side : sides) side();
  for (int round = 0; round < rounds; ++round)
    for (size_t i = 0; i < sides.size(); ++i) times[i].push_back(sides[i]());
  return times;
}

double memory_mib(const std::string& key) {
  std::ifstream in("/proc/self/status");
  for (std::string line; std::getline(in, line);)
    if (line.starts_with(key + ":")) return std::stod(line.substr(key.size() + 1)) / 1024;
  return 0;
}

double peak_memory_mib(const std::function<void()>& run) {
  const double before = memory_mib("VmRSS");
  std::ofstream("/proc/self/clear_refs") << "5";  // the peak counts from here
  run();
  return memory_mib("VmHWM") - before;
}

void add_bench_verb(CLI::App& app) {
  CLI::App* bench =
      app.add_subcommand("bench", "Time parts of the program, each against a rival in the same run");
  bench->require_subcommand(1);
  bench->footer("Example: athanor bench loader --json");
  constexpr void (*kBenches[])(CLI::App&) = {add_augment_bench, add_encode_bench, add_images_bench,
                                             add_loader_bench,  add_rqa_bench,    add_tokenize_bench,
                                             add_train_bench};
  for (const auto add : kBenches) add(*bench);
}

}  // namespace athanor
