// HDF5 errors and type descriptions for people; see h5.h.
#include "data/hdf5/h5.h"

#include <algorithm>
#include <vector>

#include "src/core/error.h"
#include "src/core/text.h"

namespace athanor::h5 {
namespace {

herr_t keep_first(unsigned /*n*/, const H5E_error2_t* entry, void* out) {
  auto* message = static_cast<std::string*>(out);
  if (message->empty() && entry->desc != nullptr) *message = entry->desc;
  return 0;
}

herr_t collect_dataset(hid_t /*group*/, const char* name, const H5O_info_t* info, void* out) {
  auto* names = static_cast<std::vector<std::string>*>(out);
  if (info->type == H5O_TYPE_DATASET) names->push_back(name);
  return names->size() < 1000 ? 0 : 1;
}

std::string known_filter(H5Z_filter_t filter) {
  switch (filter) {
    case H5Z_FILTER_DEFLATE:
      return "deflate";
    case H5Z_FILTER_SHUFFLE:
      return "shuffle";
    case H5Z_FILTER_FLETCHER32:
      return "fletcher32";
    case H5Z_FILTER_SZIP:
      return "szip";
    case H5Z_FILTER_NBIT:
      return "nbit";
    case H5Z_FILTER_SCALEOFFSET:
      return "scaleoffset";
    case 32000:
      return "lzf (32000)";
    case 32001:
      return "blosc (32001)";
    case 32004:
      return "lz4 (32004)";
    case 32008:
      return "bitshuffle (32008)";
    case 32013:
      return "zfp (32013)";
    case 32015:
      return "zstd (32015)";
    case 32026:
      return "blosc2 (32026)";
    default:
      return text("filter ", filter);
  }
}

std::string holds(hid_t file_id, const std::string& name) {
  std::vector<std::string> names;
  H5Ovisit(file_id, H5_INDEX_NAME, H5_ITER_INC, collect_dataset, &names);
  if (names.empty()) return "the file holds no datasets";
  const std::string near = closest(name, names);
  const std::string meant = near.empty() ? "" : text("did you mean '", near, "'? ");
  const size_t shown = std::min<size_t>(names.size(), 20);
  const std::string more = shown < names.size() ? text(", … (", names.size(), " in all)") : "";
  return text(meant, "the file holds ",
              join({names.begin(), names.begin() + static_cast<int64_t>(shown)}, ", "), more);
}

void describe_type(hid_t type, Hdf5Info& info) {
  const H5T_class_t kind = H5Tget_class(type);
  const size_t bits = 8 * H5Tget_size(type);
  const H5T_order_t order = H5Tget_order(type);
  if (kind == H5T_FLOAT) {
    info.type_text = text("float", bits);
    if (bits == 32) info.type = NumberType::kFloat32;
    if (bits == 64) info.type = NumberType::kFloat64;
    info.native = H5Tequal(type, H5T_IEEE_F32LE) > 0 || H5Tequal(type, H5T_IEEE_F64LE) > 0;
  } else if (kind == H5T_INTEGER) {
    const bool is_signed = H5Tget_sign(type) == H5T_SGN_2;
    info.type_text = text(is_signed ? "int" : "uint", bits);
    if (bits == 64 && is_signed) info.type = NumberType::kInt64;
    if (bits == 32 && is_signed) info.type = NumberType::kInt32;
    if (bits == 8 && !is_signed) info.type = NumberType::kUint8;
    info.native = H5Tequal(type, H5T_STD_I64LE) > 0 || H5Tequal(type, H5T_STD_I32LE) > 0 ||
                  H5Tequal(type, H5T_STD_U8LE) > 0;
  } else if (kind == H5T_ENUM) {
    info.type_text = "enumeration";
  } else {
    info.number = false;
    info.type_text = kind == H5T_STRING ? "string" : kind == H5T_COMPOUND ? "compound" : "not a number";
  }
  if (info.number && order == H5T_ORDER_BE && bits > 8) info.type_text += " big-endian";
}

}  // namespace

std::unique_lock<std::recursive_mutex> lock() {
  static std::recursive_mutex mutex;
  std::unique_lock held(mutex);
  // At exit HDF5 1.10 would close again, and crash on, a file whose last write failed (disk full).
  static const bool prepared = H5dont_atexit() >= 0 && H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr) >= 0;
  static_cast<void>(prepared);
  return held;
}

std::string reason() {
  std::string message;
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, keep_first, &message);
  const std::string marker = "error message = '";
  if (const size_t at = message.find(marker); at != std::string::npos) {
    const size_t begin = at + marker.size();
    message = message.substr(begin, message.find('\'', begin) - begin);
  }
  std::replace(message.begin(), message.end(), '\n', ' ');
  return message;
}

void check(herr_t result, const std::string& where, const std::string& what) {
  if (result < 0) throw Error({.where = where, .what = "cannot " + what, .got = reason()});
}

std::string place(const Hdf5File& file, const std::string& dataset) { return file.path() + ": " + dataset; }

Handle open_dataset(const Hdf5File& file, hid_t file_id, const std::string& name) {
  Handle object(file.has(name) ? H5Oopen(file_id, name.c_str(), H5P_DEFAULT) : -1, H5Oclose);
  if (!object.ok())
    throw Error(
        {.where = file.path(), .what = text("no dataset '", name, "'"), .hint = holds(file_id, name)});
  if (H5Iget_type(object) != H5I_DATASET)
    throw Error(
        {.where = file.path(), .what = text("'", name, "' is not a dataset"), .hint = holds(file_id, name)});
  return object;
}

Hdf5Info dataset_info(hid_t dataset) {
  Hdf5Info info;
  const Handle space(H5Dget_space(dataset), H5Sclose);
  const Handle type(H5Dget_type(dataset), H5Tclose);
  const Handle plan(H5Dget_create_plist(dataset), H5Pclose);
  const int rank = H5Sget_simple_extent_type(space) == H5S_NULL ? -1 : H5Sget_simple_extent_ndims(space);
  std::vector<hsize_t> dims(static_cast<size_t>(std::max(rank, 1)));
  if (rank >= 0) H5Sget_simple_extent_dims(space, dims.data(), nullptr);
  // A null dataspace (h5py.Empty) holds nothing: one empty dimension says so.
  if (rank != 0) info.shape.assign(dims.begin(), dims.end());
  describe_type(type, info);
  info.chunked = H5Pget_layout(plan) == H5D_CHUNKED;
  if (info.chunked) {
    H5Pget_chunk(plan, rank, dims.data());
    info.chunk_shape.assign(dims.begin(), dims.end());
  }
  for (int i = 0; i < H5Pget_nfilters(plan); ++i) {
    unsigned flags = 0;
    size_t values = 0;
    const auto filter =
        H5Pget_filter2(plan, static_cast<unsigned>(i), &flags, &values, nullptr, 0, nullptr, nullptr);
    info.filters.push_back(known_filter(filter));
  }
  return info;
}

void check_filters(hid_t dataset, const std::string& where) {
  const Handle plan(H5Dget_create_plist(dataset), H5Pclose);
  for (int i = 0; i < H5Pget_nfilters(plan); ++i) {
    unsigned flags = 0;
    size_t values = 0;
    const auto filter =
        H5Pget_filter2(plan, static_cast<unsigned>(i), &flags, &values, nullptr, 0, nullptr, nullptr);
    if (H5Zfilter_avail(filter) > 0) continue;
    throw Error({.where = where,
                 .what = text("compressed with ", known_filter(filter), ", which is not available here"),
                 .hint = "rewrite with gzip or without compression where the filter is installed: "
                         "h5repack -f GZIP=4 old.h5 new.h5"});
  }
}

int64_t elements(const std::vector<int64_t>& shape) {
  int64_t count = 1;
  for (int64_t extent : shape) count *= extent;
  return count;
}

Handle shaped_space(const std::vector<int64_t>& shape) {
  if (shape.empty()) return {H5Screate(H5S_SCALAR), H5Sclose};
  const std::vector<hsize_t> dims(shape.begin(), shape.end());
  return {H5Screate_simple(static_cast<int>(dims.size()), dims.data(), nullptr), H5Sclose};
}

Handle create_node(const Hdf5File& file, const std::string& name, hid_t type, hid_t space, hid_t plan) {
  const Handle links(H5Pcreate(H5P_LINK_CREATE), H5Pclose);
  H5Pset_create_intermediate_group(links, 1);
  Handle dataset(H5Dcreate2(file.id(), name.c_str(), type, space, links, plan, H5P_DEFAULT), H5Dclose);
  h5::check(dataset.ok() ? 0 : -1, h5::place(file, name), "create the dataset");
  return dataset;
}

}  // namespace athanor::h5
