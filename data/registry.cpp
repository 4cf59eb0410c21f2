// The table of datasets (data/registry.def) and the fields that all of them share.
#include "data/dataset.h"
#include "src/core/error.h"

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

const std::string& DatasetConfig::needed_path() const {
  if (path.empty())
    throw usage_error(
        {.where = "data.path", .what = "is not set", .hint = "data.path=bars.h5, or in the job file"});
  return path;
}

void DatasetConfig::list_common_fields(Fields& fields) {
  fields.field("path", path, "the data: an HDF5 file, or a folder of images", kNotEmpty);
  loader.list_fields(fields);
}

}  // namespace athanor
