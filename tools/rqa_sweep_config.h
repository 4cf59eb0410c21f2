// The configuration of `athanor rqa sweep`: configs/rqa_sweep.yaml, whose every key is a flag too.
#pragma once

#include <string>
#include <vector>

#include "src/core/fields.h"
#include "src/rqa/sweep.h"
#include "tools/rqa_flags.h"

namespace athanor {

struct RqaSweepConfig : ConfigStruct {
  std::string m = "1:10", tau = "1:10", eps = "0.05:0.10:0.001", lmin = "2:3";
  std::string metrics = "RR,DET,L,L_max,ENT", analyses = "1d_x,2d";
  RqaDefinitionFlags definitions;
  rqa::GazeRules gaze_rules;
  std::string device = "auto";
  int64_t threads = 0;

  void list_fields(Fields& fields) override;
  // Throws usage Error naming the key, after `file` ("a.yaml: ", or nothing).
  rqa::SweepOptions options(const std::string& file = "") const;
};

// "2/8" -> {2, 8}. Throws usage Error.
std::pair<int64_t, int64_t> rqa_shard(const std::string& written);

}  // namespace athanor
