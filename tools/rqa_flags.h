// The flags that say what a recurrence is; the same for every subcommand of `athanor rqa`.
#pragma once

#include <cstdint>
#include <string>

#include "src/rqa/definitions.h"

namespace CLI {
class App;
}

namespace athanor {

struct RqaDefinitionFlags {
  std::string preset = "default", norm;
  int64_t theiler = -1;
  bool strict = false, deviations = false;

  void add_to(CLI::App& verb);
  // The preset with what the other flags change. Throws usage Error.
  rqa::Definitions definitions() const;
};

// Throws usage Error naming the flag.
void check_rqa_combination(int64_t m, int64_t tau, double eps, int64_t lmin);

}  // namespace athanor
