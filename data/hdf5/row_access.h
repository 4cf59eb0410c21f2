// Inside data/hdf5 only: the three ways to rows (see rows.h), each behind RowAccess.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "data/hdf5/h5.h"
#include "data/hdf5/rows.h"

namespace athanor {

// A wanted row and the slot that it goes to.
struct Needed {
  int64_t row;
  int64_t slot;
};
using NeededSpan = std::span<const Needed>;  // in ascending order of rows

constexpr int64_t kTaskBytes = 512 << 10;  // enough work for one turn of a thread

int64_t product(const std::vector<int64_t>& extents, size_t first);

// Runs of rows that share a group of `length` rows.
std::vector<NeededSpan> row_groups(NeededSpan needed, int64_t length);

// What is read and how it is to look.
struct RowTarget {
  std::string where;
  RowReader::Options options;
  Hdf5Info info;
  int64_t element_bytes;
  int64_t row_bytes;

  hid_t slot_type() const { return options.type == RowType::kFloat32 ? H5T_NATIVE_FLOAT : H5T_NATIVE_INT64; }
  // Throws Error where the check is on and the row holds NaN or infinity.
  void check_row(int64_t row, const char* slot) const;
  [[noreturn]] void throw_not_finite(int64_t row, const char* slot) const;
};

// An own descriptor of the file that HDF5 has open, even if the path has been replaced since.
class FileBytes {
 public:
  explicit FileBytes(const Hdf5File& file);
  ~FileBytes();
  FileBytes(const FileBytes&) = delete;
  FileBytes& operator=(const FileBytes&) = delete;
  int64_t size() const;
  int descriptor() const { return fd_; }
  // "" or what is wrong.
  std::string read(int64_t offset, int64_t bytes, char* out) const;

 private:
  int fd_ = -1;
};

class RowAccess {
 public:
  virtual ~RowAccess() = default;
  virtual void read(NeededSpan needed, const SlotArray& slots, ThreadPool& pool) const = 0;
};

// nullptr where the dataset is not stored that way. They keep references to the arguments. The lock is held.
std::unique_ptr<RowAccess> find_contiguous_rows(const RowTarget& target, hid_t dataset,
                                                const FileBytes& file);
std::unique_ptr<RowAccess> find_chunked_rows(const RowTarget& target, hid_t dataset, const FileBytes& file);
std::unique_ptr<RowAccess> make_library_rows(const RowTarget& target, hid_t dataset);

}  // namespace athanor
