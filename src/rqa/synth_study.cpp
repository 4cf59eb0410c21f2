#include "src/rqa/synth_study.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>

#include "src/core/error.h"
#include "src/core/files.h"
#include "src/core/random.h"
#include "src/core/text.h"

namespace athanor::rqa {
namespace {

constexpr double kSample_ms = 1000.0 / 60;
constexpr int64_t kLeastRows = 50, kMostRows = 700, kTasks = 5;

struct Group {
  const char* prefix;
  int64_t subjects;
  double step;  // of the effect: 0 control, 1, 2
};
constexpr Group kGroups[] = {{"n", 20, 0}, {"m", 21, 1}, {"ad", 20, 2}};

// How one subject looks at things.
struct Gaze {
  double fixation_ms, amplitude, tremor, drift;
};

Gaze make_gaze(double step, Rng& rng) {
  const auto varied = [&](double mean, double spread, double effect) {
    return mean * std::exp(spread * rng.normal() + effect * step);
  };
  Gaze gaze{};
  gaze.fixation_ms = varied(240, 0.12, 0.08);
  gaze.amplitude = varied(0.14, 0.12, -0.06);
  gaze.tremor = varied(0.0022, 0.2, 0.08);
  gaze.drift = varied(0.0012, 0.2, 0.08);
  return gaze;
}

struct Point {
  double x, y;
};

// On the screen, mirrored at its edges.
double inside(double value) {
  constexpr double kEdge = 0.02;
  if (value < kEdge) value = 2 * kEdge - value;
  if (value > 1 - kEdge) value = 2 * (1 - kEdge) - value;
  return std::clamp(value, kEdge, 1 - kEdge);
}

// As one reads: mostly on to the right, now and then back, and at the edge to the next line.
Point next_target(const Point& from, const Gaze& gaze, Rng& rng) {
  if (from.x > 0.85) return {inside(0.1 + 0.03 * rng.normal()), inside(from.y > 0.85 ? 0.15 : from.y + 0.12)};
  const double length = gaze.amplitude * std::exp(0.35 * rng.normal());
  const double direction = rng.uniform() < 0.18 ? -1 : 1;
  return {inside(from.x + direction * length), inside(from.y + 0.02 * rng.normal())};
}

// The share of the way at time t in [0,1]: minimum jerk (T. Flash and N. Hogan, 1985).
double way(double t) { return t * t * t * (10 - 15 * t + 6 * t * t); }

std::vector<Point> make_path(int64_t rows, const Gaze& gaze, Rng& rng) {
  std::vector<Point> path;
  Point rest{0.1 + 0.1 * rng.uniform(), 0.15 + 0.2 * rng.uniform()};
  while (static_cast<int64_t>(path.size()) < rows) {
    const double duration_ms = gaze.fixation_ms * std::exp(0.4 * rng.normal());
    const auto samples = std::max<int64_t>(4, std::llround(duration_ms / kSample_ms));
    for (int64_t i = 0; i < samples; ++i) {
      rest = {rest.x + gaze.drift * rng.normal(), rest.y + gaze.drift * rng.normal()};
      path.push_back({rest.x + gaze.tremor * rng.normal(), rest.y + gaze.tremor * rng.normal()});
    }
    const Point target = next_target(rest, gaze, rng);
    const double length = std::hypot(target.x - rest.x, target.y - rest.y);
    const int64_t flight = length > 0.3 ? 4 : length > 0.1 ? 3 : 2;  // samples; longer ways take longer
    for (int64_t i = 1; i < flight; ++i) {
      const double share = way(static_cast<double>(i) / static_cast<double>(flight));
      path.push_back({rest.x + share * (target.x - rest.x), rest.y + share * (target.y - rest.y)});
    }
    rest = target;
  }
  path.resize(static_cast<size_t>(rows));
  return path;
}

// The later tasks take longer.
int64_t rows_of(int64_t task, Rng& rng) {
  const double mean = 110 + 95 * static_cast<double>(task);
  return std::clamp<int64_t>(std::llround(mean * std::exp(0.35 * rng.normal())), kLeastRows, kMostRows);
}

std::string csv_of(const std::vector<Point>& path) {
  std::string csv = "x,y,milliseconds\n";
  for (size_t i = 0; i < path.size(); ++i)
    csv += text(decimals(inside(path[i].x), 5), ",", decimals(inside(path[i].y), 5), ",",
                decimals(kSample_ms * static_cast<double>(i), 1), "\n");
  return csv;
}

}  // namespace

std::vector<SynthRecording> make_synth_study(const SynthStudyOptions& options) {
  std::vector<SynthRecording> recordings;
  for (const Group& group : kGroups)
    for (int64_t subject = 1; subject <= group.subjects; ++subject) {
      Rng rng(mix_seed(options.seed, static_cast<uint64_t>(group.step), static_cast<uint64_t>(subject)));
      const Gaze gaze = make_gaze(group.step * options.effect, rng);
      for (int64_t task = 0; task < kTasks; ++task)
        recordings.push_back(
            {text(group.prefix, subject < 10 ? "0" : "", subject, "q", task + 1, "_synthetic.csv"),
             csv_of(make_path(rows_of(task, rng), gaze, rng))});
    }
  return recordings;
}

int64_t write_synth_study(const SynthStudyOptions& options) {
  if (std::filesystem::exists(options.output))
    throw usage_error(
        {options.output, "is there already", "a folder to make", "", "choose another --output"});
  const std::vector<SynthRecording> recordings = make_synth_study(options);
  AtomicPath folder(options.output);
  folder.create_directory();
  for (const SynthRecording& recording : recordings) {
    std::ofstream file(folder.path() + "/" + recording.name, std::ios::binary);
    if (!(file << recording.csv << std::flush))
      throw Error({options.output + "/" + recording.name, "cannot write: " + system_reason(), "", "", ""});
  }
  folder.commit();
  return static_cast<int64_t>(recordings.size());
}

}  // namespace athanor::rqa
