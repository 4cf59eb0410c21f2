// Losses: named outputs and labels to one fp32 scalar and its named parts.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "src/core/batch.h"
#include "src/core/component.h"

namespace athanor {

struct Loss {
  at::Tensor total;  // [] f32, differentiable
  TensorMap parts;   // "direction" [] f32 …, detached, unweighted
};

class Objective {
 public:
  virtual ~Objective() = default;
  // outputs [B,…] in fp32 (the trainer casts), labels [B,…]; mean over the batch.
  virtual Loss compute(const TensorMap& outputs, const TensorMap& labels) const = 0;
  virtual std::vector<std::string> needed_outputs() const = 0;
  virtual std::vector<std::string> needed_labels() const = 0;
};

using ObjectiveComponent = Component<Objective, const DataSpec&>;
const std::vector<ObjectiveComponent>& objective_components();
using ObjectiveChoice = Choice<Objective, const DataSpec&>;

}  // namespace athanor
