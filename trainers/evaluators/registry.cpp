// The table of evaluators, made from registry.def.
#include "trainers/evaluator.h"

namespace athanor {

#define ATHANOR_EVALUATOR(x) EvaluatorComponent make_##x();
#include "trainers/evaluators/registry.def"
#undef ATHANOR_EVALUATOR

const std::vector<EvaluatorComponent>& evaluator_components() {
  static const std::vector<EvaluatorComponent> table = {
#define ATHANOR_EVALUATOR(x) make_##x(),
#include "trainers/evaluators/registry.def"
#undef ATHANOR_EVALUATOR
  };
  return table;
}

}  // namespace athanor
