// Benchmarks behind `athanor bench NAME`: each adds its own flags; all print measurements in one form.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace athanor {

struct Rounds {
  std::string name;
  std::vector<double> rounds_ms;
  double median_ms() const;
};

struct Measurement {
  Rounds ours;
  std::string shape;
  int threads = 1;
  std::string precision = "fp32";
  double samples = 0;                 // a round; 0 where that means nothing
  std::vector<Rounds> compared_with;  // alternating with ours, in this run; empty for none
  std::vector<std::pair<std::string, double>> more;
};

// One JSON object a line, or one line for people.
void print_measurement(const Measurement& measurement, bool json);

// Runs the functions in turn, `rounds` times after one unmeasured turn; each returns its milliseconds.
std::vector<std::vector<double>> alternate(int rounds, const std::vector<std::function<double()>>& sides);

// "VmHWM" (the peak) or "VmRSS" of this process, in MiB.
double memory_mib(const std::string& key);
// The peak while `run` runs, above what was used before.
double peak_memory_mib(const std::function<void()>& run);

// Each adds its subcommand; listed in verb_bench.cpp.
void add_augment_bench(CLI::App& bench);
void add_encode_bench(CLI::App& bench);
void add_images_bench(CLI::App& bench);
void add_loader_bench(CLI::App& bench);
void add_rqa_bench(CLI::App& bench);
void add_tokenize_bench(CLI::App& bench);
void add_train_bench(CLI::App& bench);

}  // namespace athanor
