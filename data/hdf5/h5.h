// Inside data/hdf5 only: the process-wide lock, handles that close themselves, and errors out of HDF5's own
// stack.
#pragma once

#include <hdf5.h>

#include <mutex>
#include <string>
#include <utility>

#include "data/hdf5/hdf5_file.h"

namespace athanor::h5 {

// Debian's HDF5 is not thread safe: every call holds this. Taking it the first time silences HDF5's own
// printing.
std::unique_lock<std::recursive_mutex> lock();

class Handle {
 public:
  Handle(hid_t id, herr_t (*close)(hid_t)) : id_(id), close_(close) {}
  ~Handle() {
    if (id_ >= 0) close_(id_);
  }
  Handle(Handle&& other) noexcept : id_(std::exchange(other.id_, -1)), close_(other.close_) {}
  Handle& operator=(Handle&&) = delete;
  operator hid_t() const { return id_; }
  bool ok() const { return id_ >= 0; }

 private:
  hid_t id_;
  herr_t (*close_)(hid_t);
};

// The innermost message of HDF5's error stack, on one line; "" where there is none.
std::string reason();

// Throws Error "file: dataset: cannot WHAT; got REASON" when `result` is negative.
void check(herr_t result, const std::string& where, const std::string& what);

// "bars.h5: sequences/M1"
std::string place(const Hdf5File& file, const std::string& dataset);

// Throws Error that lists what the file holds.
Handle open_dataset(const Hdf5File& file, hid_t file_id, const std::string& name);
Hdf5Info dataset_info(hid_t dataset);
int64_t elements(const std::vector<int64_t>& shape);
// Scalar where `shape` is empty.
Handle shaped_space(const std::vector<int64_t>& shape);
// A new dataset, and its groups where they are missing.
Handle create_node(const Hdf5File& file, const std::string& name, hid_t type, hid_t space, hid_t plan);
// Throws Error naming the first filter of the dataset that this HDF5 cannot run, with a hint.
void check_filters(hid_t dataset, const std::string& where);

}  // namespace athanor::h5
