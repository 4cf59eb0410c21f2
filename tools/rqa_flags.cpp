#include "tools/rqa_flags.h"

#include <CLI/CLI.hpp>
#include <cmath>

#include "src/core/error.h"
#include "src/core/text.h"
#include "src/rqa/grid_text.h"

namespace athanor {

void RqaDefinitionFlags::add_to(CLI::App& verb) {
  verb.add_option("--preset", preset, join(rqa::preset_names(), ", ") + ": whose definitions")
      ->capture_default_str();
  verb.add_option("--theiler", theiler,
                  "diagonals nearer to the main one are left out (0: none; 1: the main one)");
  verb.add_option("--norm", norm, "L1, L2 or Linf, for 1D and 2D; not given: the preset's");
  verb.add_flag("--strict", strict, "recurrent below eps alone, not at it");
  verb.add_flag("--std", deviations, "eps is in standard deviations of the series");
}

rqa::Definitions RqaDefinitionFlags::definitions() const {
  rqa::Definitions definitions = rqa::preset(preset);
  if (theiler < -1) throw usage_error({"--theiler", "not a number of diagonals", "0 or more", text(theiler)});
  if (theiler >= 0) definitions.theiler = theiler;
  if (!norm.empty()) definitions.norm_1d = definitions.norm_2d = rqa::norm_named(norm);
  definitions.strict |= strict;
  definitions.deviations |= deviations;
  return definitions;
}

void check_rqa_combination(int64_t m, int64_t tau, double eps, int64_t lmin) {
  constexpr int64_t kMost = 1'000'000'000;  // (m-1) tau fits into 64 bits
  for (const auto& [flag, value] : {std::pair("--m", m), std::pair("--tau", tau), std::pair("--lmin", lmin)})
    if (value < 1 || value > kMost)
      throw usage_error({flag, value < 1 ? "too small" : "too large", text("1 to ", kMost), text(value)});
  if (!(eps >= 0) || !std::isfinite(eps))
    throw usage_error({"--eps", "not a threshold", "a number of 0 or more", text(eps)});
}

}  // namespace athanor
