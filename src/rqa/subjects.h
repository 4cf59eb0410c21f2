// Whose the recordings are: subjects in groups, and what stands for a subject in a test, the mean over its
// recordings.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "src/rqa/results.h"
#include "src/rqa/statistics.h"

namespace athanor::rqa {

struct Subjects {
  std::vector<std::string> groups;                 // control, mci, ad first, then others by name
  std::vector<std::pair<std::string, int>> names;  // of subjects, with their groups; by group, then by name
  std::vector<int64_t> of_recording;               // [recording], into names
  Subjects() = default;
  explicit Subjects(const SweepHead& head);

  int64_t count() const { return static_cast<int64_t>(names.size()); }
  // Throws Error: fewer than two groups.
  Groups tested() const;
  // values [recording, column] -> means of the finite ones [column, subject], NaN where a subject has none.
  // `task`: of its recordings (of `head`) alone; empty: of all.
  std::vector<double> means(const SweepHead& head, const std::vector<double>& values,
                            const std::string& task = "") const;
};

// Of the finite ones among values, for pictures and tables.
struct SampleMean {
  double n = 0, mean = 0, deviation = 0;  // the sample's standard deviation; NaN of none, or of one
  double error() const;                   // of the mean
};
SampleMean sample_mean(const std::vector<double>& values);

}  // namespace athanor::rqa
