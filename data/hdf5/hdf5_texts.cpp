// Texts and attributes of Hdf5File; and where a dataset's bytes are.
#include <algorithm>

#include "data/hdf5/h5.h"
#include "src/core/error.h"
#include "src/core/text.h"

namespace athanor {
namespace {

using h5::Handle;

std::vector<std::string> fixed_texts(hid_t dataset, hid_t type, int64_t count, const std::string& where) {
  const size_t length = H5Tget_size(type);
  std::vector<char> bytes(static_cast<size_t>(count) * length);
  h5::check(H5Dread(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes.data()), where, "read the text");
  std::vector<std::string> texts;
  for (int64_t i = 0; i < count; ++i) {
    const std::string padded(bytes.data() + static_cast<size_t>(i) * length, length);
    texts.push_back(padded.substr(0, padded.find('\0')));
  }
  return texts;
}

std::vector<std::string> variable_texts(hid_t dataset, hid_t type, int64_t count, const std::string& where) {
  std::vector<char*> pointers(static_cast<size_t>(count), nullptr);
  h5::check(H5Dread(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, pointers.data()), where, "read the text");
  std::vector<std::string> texts;
  for (char* pointer : pointers) {
    texts.emplace_back(pointer == nullptr ? "" : pointer);
    H5free_memory(pointer);
  }
  return texts;
}

Handle text_type() {
  Handle type(H5Tcopy(H5T_C_S1), H5Tclose);
  H5Tset_size(type, H5T_VARIABLE);
  H5Tset_cset(type, H5T_CSET_UTF8);
  return type;
}

std::vector<const char*> pointers_to(const std::vector<std::string>& values) {
  std::vector<const char*> pointers;
  for (const std::string& value : values) pointers.push_back(value.c_str());
  return pointers;
}

void write_texts_as(const Hdf5File& file, const std::string& dataset, const std::vector<std::string>& values,
                    const std::vector<int64_t>& shape) {
  const auto held = h5::lock();
  const Handle type = text_type();
  const Handle plan(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
  H5Pset_obj_track_times(plan, 0);  // the same content, the same bytes
  const Handle handle = h5::create_node(file, dataset, type, h5::shaped_space(shape), plan);
  const std::vector<const char*> pointers = pointers_to(values);
  if (values.empty()) return;
  h5::check(H5Dwrite(handle, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, pointers.data()), h5::place(file, dataset),
            "write");
}

void write_attribute_as(const Hdf5File& file, const std::string& object, const std::string& name,
                        const std::vector<std::string>& values, const std::vector<int64_t>& shape) {
  const auto held = h5::lock();
  const Handle type = text_type();
  const Handle owner(H5Oopen(file.id(), object.c_str(), H5P_DEFAULT), H5Oclose);
  const Handle attribute(
      H5Acreate2(owner, name.c_str(), type, h5::shaped_space(shape), H5P_DEFAULT, H5P_DEFAULT), H5Aclose);
  const std::vector<const char*> pointers = pointers_to(values);
  const herr_t written = !attribute.ok()  ? -1
                         : values.empty() ? 0
                                          : H5Awrite(attribute, type, pointers.data());
  h5::check(written, h5::place(file, object), "write the attribute " + name);
}

}  // namespace

std::vector<std::string> Hdf5File::read_texts(const std::string& dataset) const {
  const auto held = h5::lock();
  const Handle handle = h5::open_dataset(*this, id_, dataset);
  const std::string where = h5::place(*this, dataset);
  const Hdf5Info info = h5::dataset_info(handle);
  const Handle stored(H5Dget_type(handle), H5Tclose);
  if (H5Tget_class(stored) != H5T_STRING)
    throw Error({.where = where, .what = "cannot be read", .expected = "text", .got = info.type_text});
  const int64_t count = h5::elements(info.shape);
  if (count == 0) return {};
  if (H5Tis_variable_str(stored) > 0) return variable_texts(handle, stored, count, where);
  return fixed_texts(handle, stored, count, where);
}

std::string Hdf5File::read_text(const std::string& dataset) const {
  const std::vector<std::string> texts = read_texts(dataset);
  return texts.empty() ? "" : texts.front();
}

std::vector<std::string> Hdf5File::read_attribute(const std::string& object, const std::string& name) const {
  const auto held = h5::lock();
  const Handle owner(H5Oopen(id_, object.c_str(), H5P_DEFAULT), H5Oclose);
  const bool there = owner.ok() && H5Aexists(owner, name.c_str()) > 0;
  const Handle attribute(there ? H5Aopen(owner, name.c_str(), H5P_DEFAULT) : -1, H5Aclose);
  if (!attribute.ok()) return {};
  const Handle space(H5Aget_space(attribute), H5Sclose);
  const Handle type = text_type();
  std::vector<char*> pointers(static_cast<size_t>(std::max<hssize_t>(H5Sget_simple_extent_npoints(space), 0)),
                              nullptr);
  if (pointers.empty()) return {};
  h5::check(H5Aread(attribute, type, pointers.data()), h5::place(*this, object),
            "read the attribute " + name);
  std::vector<std::string> texts;
  for (char* pointer : pointers) {
    texts.emplace_back(pointer == nullptr ? "" : pointer);
    H5free_memory(pointer);
  }
  return texts;
}

int64_t Hdf5File::offset_bytes(const std::string& dataset) const {
  const auto held = h5::lock();
  const haddr_t offset = H5Dget_offset(h5::open_dataset(*this, id_, dataset));
  return offset == HADDR_UNDEF ? -1 : static_cast<int64_t>(offset);
}

void Hdf5File::write_text(const std::string& dataset, const std::string& value) {
  write_texts_as(*this, dataset, {value}, {});
}

void Hdf5File::write_texts(const std::string& dataset, const std::vector<std::string>& values) {
  write_texts_as(*this, dataset, values, {static_cast<int64_t>(values.size())});
}

void Hdf5File::write_attribute(const std::string& object, const std::string& name, const std::string& value) {
  write_attribute_as(*this, object, name, {value}, {});
}

void Hdf5File::write_attribute(const std::string& object, const std::string& name,
                               const std::vector<std::string>& values) {
  write_attribute_as(*this, object, name, values, {static_cast<int64_t>(values.size())});
}

}  // namespace athanor
