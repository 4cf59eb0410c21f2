// The table of models, from registry.def: explicit, since static registrars vanish from static libraries.
#include "models/model.h"

namespace athanor {

#define ATHANOR_MODEL(name) ModelComponent make_##name();
#include "models/registry.def"
#undef ATHANOR_MODEL

const std::vector<ModelComponent>& model_components() {
#define ATHANOR_MODEL(name) make_##name(),
  static const std::vector<ModelComponent> table = {
#include "models/registry.def"
  };
#undef ATHANOR_MODEL
  return table;
}

}  // namespace athanor
