// The table of objectives, made from registry.def.
#include "trainers/objective.h"

namespace athanor {

#define ATHANOR_OBJECTIVE(x) ObjectiveComponent make_##x();
#include "trainers/objectives/registry.def"
#undef ATHANOR_OBJECTIVE

const std::vector<ObjectiveComponent>& objective_components() {
  static const std::vector<ObjectiveComponent> table = {
#define ATHANOR_OBJECTIVE(x) make_##x(),
#include "trainers/objectives/registry.def"
#undef ATHANOR_OBJECTIVE
  };
  return table;
}

}  // namespace athanor
