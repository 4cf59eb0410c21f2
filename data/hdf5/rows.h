// Rows of an HDF5 dataset's first dimension, in any order, into slots. Contiguous arrays are read straight
// from the file; chunks are read and inflated outside HDF5's lock, each once a read, spread over threads.
// What is stored otherwise (float64, big-endian, other filters, virtual, …) goes through H5Dread.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "data/hdf5/hdf5_file.h"
#include "data/slot_array.h"

namespace athanor {

class ThreadPool;

enum class RowType { kFloat32, kInt64 };

class RowReader {
 public:
  struct Options {
    RowType type = RowType::kFloat32;        // of the slots
    bool check_finite = false;               // NaN and infinity throw; float32 only
    std::vector<std::string> feature_names;  // of the last dimension, for that message; may be empty
  };

  // `file` must outlive nothing: what is needed of it stays open. Throws Error: no such dataset, not numbers,
  // a filter that is not available, data beyond the end of the file.
  RowReader(const Hdf5File& file, const std::string& dataset, Options options);
  ~RowReader();
  RowReader(RowReader&&) noexcept;

  const Hdf5Info& info() const;
  int64_t rows() const;
  int64_t row_bytes() const;  // in a slot

  // Copies row rows[j] into slot j, for all j; every row is in [0,rows()). One read at a time.
  // Throws Error naming file, dataset, chunk (truncated or corrupt) or value (NaN).
  void read(std::span<const int64_t> rows, const SlotArray& slots, ThreadPool& pool) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace athanor
