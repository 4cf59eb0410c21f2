// What the numbers of recurrence quantification analysis mean here: every choice in which programs differ,
// and presets that make the choices of others. Terms: N. Marwan et al., "Recurrence plots for the analysis of
// complex systems", Physics Reports 438 (2007).
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace athanor::rqa {

// Distance of two delay vectors, over all their coordinates.
enum class Norm { kL1, kL2, kLinf };

// The cells of the recurrence matrix [M,M] over which RR is a mean.
enum class RateCells { kAll, kOffMainDiagonal, kOutsideTheiler };

struct Definitions {
  std::string preset = "default";
  Norm norm_1d = Norm::kL1, norm_2d = Norm::kL2;
  bool strict = false;  // recurrent: distance < ε; otherwise distance <= ε
  bool squared =
      false;  // L2: the sum of squares against ε·ε as rounded; otherwise its rounded root against ε
  int64_t theiler = 1;  // |i - j| < theiler has no diagonal lines; 0: the main diagonal is a line too
  RateCells rate = RateCells::kOutsideTheiler;
  bool longest_has_main = true;   // with theiler 0: L_max may be the main diagonal
  bool vertical_has_main = true;  // vertical lines run through the Theiler window; otherwise they end at it
  double log_base = 0;            // of ENT; 0: natural
  bool deviations =
      false;  // ε is in standard deviations of the series (population's; of all coordinates together)
};

enum class Metric { kRR, kDET, kL, kLmax, kDIV, kENT, kLAM, kTT, kVmax, kTrend, kRatio };
constexpr std::array<std::string_view, 11> kMetricNames{"RR",  "DET", "L",     "L_max", "DIV",  "ENT",
                                                        "LAM", "TT",  "V_max", "trend", "ratio"};
inline std::string_view metric_name(Metric metric) { return kMetricNames[static_cast<size_t>(metric)]; }

// default, seed-cpu, seed-gpu, pyrqa, accrqa, pyunicorn. Throws usage Error naming those.
Definitions preset(const std::string& name);
std::vector<std::string> preset_names();
// "RR" -> kRR. Throws usage Error naming those known.
Metric metric_named(const std::string& name);
// One line a choice, for reports and --json: {"comparison", "distance <= eps"}, …
std::vector<std::pair<std::string, std::string>> describe(const Definitions& definitions);
// What decides which cells are recurrent in "1d_x", "1d_y" or "2d", and what RR is, on one line: for
// captions.
std::string definitions_line(const Definitions& definitions, const std::string& analysis);

}  // namespace athanor::rqa
