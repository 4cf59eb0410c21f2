// The table of augmentations (data/augment/registry.def), and the one that does nothing.
#include "data/augment/augmentation.h"

namespace athanor {

#define ATHANOR_AUGMENTATION(x) AugmentationComponent make_##x##_augmentation();
#include "data/augment/registry.def"
#undef ATHANOR_AUGMENTATION

const std::vector<AugmentationComponent>& augmentation_components() {
  static const std::vector<AugmentationComponent> table = {
#define ATHANOR_AUGMENTATION(x) make_##x##_augmentation(),
#include "data/augment/registry.def"
#undef ATHANOR_AUGMENTATION
  };
  return table;
}

namespace {

struct NoneConfig : ConfigStruct {
  void list_fields(Fields&) override {}
};

class None : public Augmentation {
 public:
  Batch apply(const Batch& batch, uint64_t, int64_t) const override { return batch; }
  std::string describe(int64_t) const override { return "none"; }
};

}  // namespace

AugmentationComponent make_none_augmentation() {
  return component<NoneConfig, Augmentation, const DataSpec&>(
      "none", "batches as the data gives them",
      [](const NoneConfig&, const DataSpec&) { return std::make_unique<None>(); });
}

}  // namespace athanor
