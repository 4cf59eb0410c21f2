#include "src/rqa/subjects.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "src/core/error.h"
#include "src/core/text.h"

namespace athanor::rqa {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

}  // namespace

Subjects::Subjects(const SweepHead& head) : groups(group_names(head)) {
  std::map<std::pair<int, std::string>, int64_t> known;  // by group, then by name
  const auto key_of = [&](const RecordingInfo& each) {
    const auto group = std::find(groups.begin(), groups.end(), each.group) - groups.begin();
    return std::pair(static_cast<int>(group), each.subject);
  };
  for (const RecordingInfo& each : head.recordings) known[key_of(each)] = 0;
  for (auto& [key, index] : known) {
    index = count();
    names.emplace_back(key.second, key.first);
  }
  for (const RecordingInfo& each : head.recordings) of_recording.push_back(known.at(key_of(each)));
}

Groups Subjects::tested() const {
  if (groups.size() < 2)
    throw Error({.what = "group tests need recordings of two groups or more",
                 .got = groups.empty() ? "no recordings" : text("group ", groups[0], " alone")});
  std::vector<int> group_of_subject;
  for (const auto& [name, group] : names) group_of_subject.push_back(group);
  return Groups(group_of_subject);
}

std::vector<double> Subjects::means(const SweepHead& head, const std::vector<double>& values,
                                    const std::string& task) const {
  const size_t columns = of_recording.empty() ? 0 : values.size() / of_recording.size(),
               subjects = names.size();
  std::vector<double> sums(columns * subjects), numbers(sums.size());
  for (size_t r = 0; r < of_recording.size(); ++r) {
    if (!task.empty() && head.recordings[r].task != task) continue;
    const auto subject = static_cast<size_t>(of_recording[r]);
    for (size_t c = 0; c < columns; ++c) {
      const double value = values[r * columns + c];
      if (std::isfinite(value)) sums[c * subjects + subject] += value, ++numbers[c * subjects + subject];
    }
  }
  for (size_t i = 0; i < sums.size(); ++i) sums[i] = numbers[i] > 0 ? sums[i] / numbers[i] : kNone;
  return sums;
}

double SampleMean::error() const { return deviation / std::sqrt(n); }

SampleMean sample_mean(const std::vector<double>& values) {
  SampleMean out{0, kNone, kNone};
  double sum = 0, squares = 0;
  for (const double value : values)
    if (std::isfinite(value)) sum += value, out.n += 1;
  if (out.n == 0) return out;
  out.mean = sum / out.n;
  for (const double value : values)
    if (std::isfinite(value)) squares += (value - out.mean) * (value - out.mean);
  if (out.n > 1) out.deviation = std::sqrt(squares / (out.n - 1));
  return out;
}

}  // namespace athanor::rqa
