// The HDF5 C API behind Hdf5File; texts and attributes are in hdf5_texts.cpp, references and compound types
// are left out.
#include "data/hdf5/hdf5_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <utility>

#include "data/hdf5/h5.h"
#include "src/core/error.h"
#include "src/core/files.h"
#include "src/core/text.h"

namespace athanor {
namespace {

using h5::Handle;

template <class T>
hid_t memory_type();
template <>
hid_t memory_type<float>() {
  return H5T_NATIVE_FLOAT;
}
template <>
hid_t memory_type<double>() {
  return H5T_NATIVE_DOUBLE;
}
template <>
hid_t memory_type<int64_t>() {
  return H5T_NATIVE_INT64;
}

template <class T>
hid_t file_type();
template <>
hid_t file_type<float>() {
  return H5T_IEEE_F32LE;
}
template <>
hid_t file_type<double>() {
  return H5T_IEEE_F64LE;
}
template <>
hid_t file_type<int64_t>() {
  return H5T_STD_I64LE;
}

// The system's reasons first (HDF5 hides them), then whether it is an HDF5 file at all.
void check_openable(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  char byte = 0;
  const bool readable = fd >= 0 && ::read(fd, &byte, 1) >= 0;
  const std::string reason = readable ? "" : system_reason();
  if (fd >= 0) ::close(fd);
  if (!readable) throw Error({.where = path, .what = "cannot open the HDF5 file", .got = reason});
  if (H5Fis_hdf5(path.c_str()) <= 0)
    throw Error(
        {.where = path, .what = "not an HDF5 file", .hint = "`athanor prepare bars` makes one from CSV"});
}

// A box of a dataset's file space, as a selection.
Handle select_box(hid_t dataset, const std::vector<int64_t>& first, const std::vector<int64_t>& count) {
  Handle space(H5Dget_space(dataset), H5Sclose);
  const std::vector<hsize_t> start(first.begin(), first.end()), extent(count.begin(), count.end());
  H5Sselect_hyperslab(space, H5S_SELECT_SET, start.data(), nullptr, extent.data(), nullptr);
  return space;
}

// One block of rows.
Handle select_rows(hid_t dataset, const Hdf5Info& info, int64_t first, int64_t count) {
  assert(!info.shape.empty() && first >= 0 && count >= 0 && first + count <= info.shape[0]);
  std::vector<int64_t> start(info.shape.size(), 0), extent = info.shape;
  start[0] = first;
  extent[0] = count;
  return select_box(dataset, start, extent);
}

Handle flat_space(int64_t count) {
  const auto extent = static_cast<hsize_t>(count);
  return {H5Screate_simple(1, &extent, nullptr), H5Sclose};
}

void check_number(const Hdf5Info& info, const std::string& where) {
  if (!info.number)
    throw Error({.where = where, .what = "cannot be read", .expected = "numbers", .got = info.type_text});
}

Handle creation_plan(const std::vector<int64_t>& shape, const Hdf5Layout& layout) {
  Handle plan(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
  H5Pset_obj_track_times(plan, 0);  // the same content, the same bytes
  assert(layout.gzip_level == 0 || layout.chunk_rows > 0);
  if (layout.reserved) {
    H5Pset_alloc_time(plan, H5D_ALLOC_TIME_EARLY);
    H5Pset_fill_time(plan, H5D_FILL_TIME_NEVER);
  }
  if (layout.chunk_rows == 0 || h5::elements(shape) == 0) return plan;
  std::vector<hsize_t> chunk(shape.begin(), shape.end());
  chunk[0] = static_cast<hsize_t>(std::min(layout.chunk_rows, shape[0]));
  H5Pset_chunk(plan, static_cast<int>(chunk.size()), chunk.data());
  if (layout.shuffle) H5Pset_shuffle(plan);
  if (layout.gzip_level > 0) H5Pset_deflate(plan, static_cast<unsigned>(layout.gzip_level));
  return plan;
}

}  // namespace

const char* number_type_name(NumberType type) {
  switch (type) {
    case NumberType::kFloat32:
      return "float32";
    case NumberType::kFloat64:
      return "float64";
    case NumberType::kInt64:
      return "int64";
    case NumberType::kInt32:
      return "int32";
    case NumberType::kUint8:
      return "uint8";
    case NumberType::kOther:
      break;
  }
  return "other";
}

Hdf5File::Hdf5File(std::string path, int64_t id) : path_(std::move(path)), id_(id) {}

Hdf5File::Hdf5File(Hdf5File&& other) noexcept
    : path_(std::move(other.path_)), id_(std::exchange(other.id_, -1)) {}

Hdf5File::~Hdf5File() {
  const auto held = h5::lock();
  if (id_ >= 0) H5Fclose(id_);
}

Hdf5File Hdf5File::open(const std::string& path) {
  const auto held = h5::lock();
  check_openable(path);
  const hid_t id = H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT);
  if (id >= 0) return Hdf5File(path, id);
  const std::string reason = h5::reason();
  if (reason.find("truncated") != std::string::npos)
    throw Error({.where = path,
                 .what = "the HDF5 file is truncated",
                 .got = reason,
                 .hint = "copy or make it again"});
  const bool locked = reason.find("lock") != std::string::npos;
  throw Error(
      {.where = path,
       .what = "cannot open the HDF5 file",
       .got = reason,
       .hint = locked ? "is another program writing it?" : "is it damaged? h5dump -H shows what HDF5 sees"});
}

Hdf5File Hdf5File::create(const std::string& path) {
  const auto held = h5::lock();
  const Handle access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose);
  // Large arrays start on a page, for mmap and direct reads.
  H5Pset_alignment(access, 1 << 20, 4096);
  const hid_t id = H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, access);
  if (id < 0) throw Error({.where = path, .what = "cannot create the HDF5 file", .got = h5::reason()});
  return Hdf5File(path, id);
}

void Hdf5File::close() {
  const auto held = h5::lock();
  const hid_t id = std::exchange(id_, -1);
  if (id < 0) return;
  const herr_t flushed = H5Fflush(id, H5F_SCOPE_LOCAL);
  const std::string reason = flushed < 0 ? h5::reason() : "";
  const herr_t closed = H5Fclose(id);
  if (flushed >= 0 && closed >= 0) return;
  throw Error(
      {.where = path_, .what = "cannot write the HDF5 file", .got = reason.empty() ? h5::reason() : reason});
}

bool Hdf5File::has(const std::string& name) const {
  const auto held = h5::lock();
  std::string prefix;
  for (const std::string& part : split(name, '/')) {
    if (part.empty()) continue;
    prefix += "/" + part;
    if (H5Lexists(id_, prefix.c_str(), H5P_DEFAULT) <= 0) return false;
  }
  return prefix.empty() || H5Oexists_by_name(id_, prefix.c_str(), H5P_DEFAULT) > 0;
}

std::vector<std::string> Hdf5File::list(const std::string& group) const {
  const auto held = h5::lock();
  std::vector<std::string> names;
  if (!has(group)) return names;
  const Handle object(H5Oopen(id_, group.c_str(), H5P_DEFAULT), H5Oclose);
  H5G_info_t info{};
  if (!object.ok() || H5Iget_type(object) != H5I_GROUP || H5Gget_info(object, &info) < 0) return names;
  for (hsize_t i = 0; i < info.nlinks; ++i) {
    const ssize_t length =
        H5Lget_name_by_idx(object, ".", H5_INDEX_NAME, H5_ITER_INC, i, nullptr, 0, H5P_DEFAULT);
    std::string name(static_cast<size_t>(std::max<ssize_t>(length, 0)), '\0');
    H5Lget_name_by_idx(object, ".", H5_INDEX_NAME, H5_ITER_INC, i, name.data(), name.size() + 1, H5P_DEFAULT);
    names.push_back(std::move(name));
  }
  return names;
}

Hdf5Info Hdf5File::info(const std::string& dataset) const {
  const auto held = h5::lock();
  return h5::dataset_info(h5::open_dataset(*this, id_, dataset));
}

template <class T>
std::vector<T> Hdf5File::read(const std::string& dataset) const {
  const auto held = h5::lock();
  const Handle handle = h5::open_dataset(*this, id_, dataset);
  const Hdf5Info info = h5::dataset_info(handle);
  const std::string where = h5::place(*this, dataset);
  check_number(info, where);
  h5::check_filters(handle, where);
  std::vector<T> values(static_cast<size_t>(h5::elements(info.shape)));
  if (values.empty()) return values;
  h5::check(H5Dread(handle, memory_type<T>(), H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()), where, "read");
  return values;
}

template <class T>
void Hdf5File::read_rows(const std::string& dataset, int64_t first, int64_t count, T* out) const {
  const auto held = h5::lock();
  const Handle handle = h5::open_dataset(*this, id_, dataset);
  const Hdf5Info info = h5::dataset_info(handle);
  const std::string where = h5::place(*this, dataset);
  check_number(info, where);
  h5::check_filters(handle, where);
  const Handle rows = select_rows(handle, info, first, count);
  const Handle memory = flat_space(H5Sget_select_npoints(rows));
  h5::check(H5Dread(handle, memory_type<T>(), memory, rows, H5P_DEFAULT, out), where, "read");
}

template <class T>
std::vector<T> Hdf5File::read_box(const std::string& dataset, const std::vector<int64_t>& first,
                                  const std::vector<int64_t>& count) const {
  const auto held = h5::lock();
  const Handle handle = h5::open_dataset(*this, id_, dataset);
  const std::string where = h5::place(*this, dataset);
  check_number(h5::dataset_info(handle), where);
  std::vector<T> values(static_cast<size_t>(h5::elements(count)));
  if (values.empty()) return values;
  const Handle box = select_box(handle, first, count);
  h5::check(
      H5Dread(handle, memory_type<T>(), flat_space(h5::elements(count)), box, H5P_DEFAULT, values.data()),
      where, "read");
  return values;
}

template <class T>
void Hdf5File::create_dataset(const std::string& dataset, const std::vector<int64_t>& shape,
                              const Hdf5Layout& layout) {
  const auto held = h5::lock();
  h5::create_node(*this, dataset, file_type<T>(), h5::shaped_space(shape), creation_plan(shape, layout));
}

template <class T>
void Hdf5File::write(const std::string& dataset, std::span<const T> values, const std::vector<int64_t>& shape,
                     const Hdf5Layout& layout) {
  assert(h5::elements(shape) == static_cast<int64_t>(values.size()));
  const auto held = h5::lock();
  const Handle handle =
      h5::create_node(*this, dataset, file_type<T>(), h5::shaped_space(shape), creation_plan(shape, layout));
  if (values.empty()) return;
  h5::check(H5Dwrite(handle, memory_type<T>(), H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()),
            h5::place(*this, dataset), "write");
}

template <class T>
void Hdf5File::write_rows(const std::string& dataset, int64_t first, int64_t count, const T* values) {
  const auto held = h5::lock();
  const Handle handle = h5::open_dataset(*this, id_, dataset);
  const Handle rows = select_rows(handle, h5::dataset_info(handle), first, count);
  const Handle memory = flat_space(H5Sget_select_npoints(rows));
  h5::check(H5Dwrite(handle, memory_type<T>(), memory, rows, H5P_DEFAULT, values), h5::place(*this, dataset),
            "write");
}

template std::vector<float> Hdf5File::read(const std::string&) const;
template std::vector<double> Hdf5File::read(const std::string&) const;
template std::vector<int64_t> Hdf5File::read(const std::string&) const;
template void Hdf5File::read_rows(const std::string&, int64_t, int64_t, float*) const;
template void Hdf5File::read_rows(const std::string&, int64_t, int64_t, double*) const;
template void Hdf5File::read_rows(const std::string&, int64_t, int64_t, int64_t*) const;
template std::vector<double> Hdf5File::read_box(const std::string&, const std::vector<int64_t>&,
                                                const std::vector<int64_t>&) const;
template void Hdf5File::write(const std::string&, std::span<const float>, const std::vector<int64_t>&,
                              const Hdf5Layout&);
template void Hdf5File::write(const std::string&, std::span<const double>, const std::vector<int64_t>&,
                              const Hdf5Layout&);
template void Hdf5File::write(const std::string&, std::span<const int64_t>, const std::vector<int64_t>&,
                              const Hdf5Layout&);
template void Hdf5File::create_dataset<float>(const std::string&, const std::vector<int64_t>&,
                                              const Hdf5Layout&);
template void Hdf5File::create_dataset<double>(const std::string&, const std::vector<int64_t>&,
                                               const Hdf5Layout&);
template void Hdf5File::create_dataset<int64_t>(const std::string&, const std::vector<int64_t>&,
                                                const Hdf5Layout&);
template void Hdf5File::write_rows(const std::string&, int64_t, int64_t, const float*);
template void Hdf5File::write_rows(const std::string&, int64_t, int64_t, const double*);
template void Hdf5File::write_rows(const std::string&, int64_t, int64_t, const int64_t*);

}  // namespace athanor
