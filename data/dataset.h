// A dataset opened from a config: what it gives (DataSpec) and a source of samples a split. Sources copy
// samples into slots; order, chunks, threads and devices are the loader's business (data/chunk_loader.h).
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "data/loader_options.h"
#include "data/slot_array.h"
#include "src/core/batch.h"
#include "src/core/component.h"

namespace athanor {

class ThreadPool;

class SampleSource {
 public:
  virtual ~SampleSource() = default;
  virtual int64_t size() const = 0;
  // The arrays of a sample: inputs, then labels, then "time" (int64) where the data has it; in the order in
  // which read() takes its slots.
  virtual const std::vector<TensorSpec>& arrays() const = 0;
  // Samples that are compressed together: reading one of them costs reading all. 1: none are.
  virtual int64_t samples_together() const { return 1; }
  // Reading a sample is work (decoding a picture), not the copying of bytes: chunks are then single batches,
  // so that the first does not wait for many.
  virtual bool slow_to_read() const { return false; }
  // Copies sample samples[j] into slot j of each array, for all j; arrays whose base is null are left out.
  // Safe to call from one loader thread while another source is being read; spreads the work over `pool`.
  // Throws Error (truncated file, NaN where checked, …).
  virtual void read(std::span<const int64_t> samples, const std::vector<SlotArray>& slots,
                    ThreadPool& pool) const = 0;
};

// Base of the config structs of datasets: every dataset's section also holds the loader's options.
struct DatasetConfig : ConfigStruct {
  std::string path;
  LoaderOptions loader;
  void list_common_fields(Fields& fields);  // path and the loader's; called by each list_fields
  // The path. Throws usage Error where the job does not set it.
  const std::string& needed_path() const;
  // What the data gives, where the config says it all; none where the files are asked.
  virtual std::optional<DataSpec> find_spec() const { return std::nullopt; }
};

class Dataset {
 public:
  virtual ~Dataset() = default;
  virtual const DataSpec& spec() const = 0;
  virtual std::unique_ptr<SampleSource> open(Split split) const = 0;
  // One line a split for the plan: samples, time range, size on disk.
  virtual std::string describe() const = 0;
};

using DatasetComponent = Component<Dataset>;
const std::vector<DatasetComponent>& dataset_components();
using DatasetChoice = Choice<Dataset>;

}  // namespace athanor
