// The table of datasets (data/registry.def) and the fields that all of them share.
#include "data/dataset.h"

namespace athanor {

#define ATHANOR_DATASET(x) DatasetComponent make_##x();
#include "data/registry.def"
#undef ATHANOR_DATASET

const std::vector<DatasetComponent>& dataset_components() {
  static const std::vector<DatasetComponent> table = {
#define ATHANOR_DATASET(x) make_##x(),
#include "data/registry.def"
#undef ATHANOR_DATASET
  };
  return table;
}

void DatasetConfig::list_common_fields(Fields& fields) {
  fields.field("path", path, "the HDF5 file", kNotEmpty);
  loader.list_fields(fields);
}

}  // namespace athanor
