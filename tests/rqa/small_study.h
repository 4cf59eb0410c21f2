// Studies that are swept in a moment.
#pragma once

#include <filesystem>
#include <fstream>
#include <string>

#include "src/core/files.h"
#include "src/core/random.h"
#include "src/core/text.h"
#include "src/rqa/sweep.h"
#include "tests/rqa/scratch.h"

inline const athanor::rqa::SweepWatcher kSilent = [](const athanor::rqa::SweepEvent&) {};

// `rows` of noise in [0,1), and times 20 ms apart if wanted.
inline void write_noise(const std::string& path, int rows, athanor::Rng rng, bool with_times = false) {
  std::ofstream csv(path);
  csv << (with_times ? "x,y,milliseconds\n" : "x,y\n");
  for (int row = 0; row < rows; ++row) {
    const double x = rng.uniform(), y = rng.uniform();
    csv << x << "," << y;
    if (with_times) csv << "," << 20 * row;
    csv << "\n";
  }
}

// Twelve short recordings, and two files that cannot be used.
inline std::string make_small_study(const Scratch& scratch) {
  const std::string folder = scratch / "study";
  std::filesystem::create_directories(folder);
  for (int i = 0; i < 12; ++i)
    write_noise(athanor::text(folder, "/n", i / 2, "q", 1 + i % 2, "_a.csv"), 30 + i,
                athanor::Rng(static_cast<uint64_t>(i)));
  std::ofstream(folder + "/ad1q1_a.csv") << "x,y\n1,2\nbad,3\n";
  std::ofstream(folder + "/other.csv") << "x,y\n1,2\n";
  return folder;
}

// Of the study in `scratch`, into its folder `output`.
inline athanor::rqa::SweepOptions small_sweep(const Scratch& scratch, const std::string& output) {
  using athanor::rqa::Metric;
  return {.input = scratch / "study",
          .output = scratch / output,
          .version = "test",
          .grid = {{1, 2}, {1, 20}, {0.05, 0.3}, {2, 3}},
          .metrics = {Metric::kRR, Metric::kDET, Metric::kLmax},
          .analyses = {"1d_x", "2d"},
          .threads = 2};
}

inline std::string bytes_of(const athanor::rqa::SweepOptions& options) {
  return athanor::read_file(options.output + "/sweep.h5");
}
