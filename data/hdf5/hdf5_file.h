// HDF5 files through the C API: open, list, read with conversion, write contiguous or chunked + gzip. Every
// call into the library holds one process-wide lock; what is slow (inflating, copying) happens outside it
// (data/hdf5/rows.h).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace athanor {

enum class NumberType { kFloat32, kFloat64, kInt64, kInt32, kUint8, kOther };
const char* number_type_name(NumberType type);

struct Hdf5Info {
  std::vector<int64_t> shape;
  NumberType type = NumberType::kOther;
  std::string type_text;  // for people: "float32", "float32 big-endian", "string", …
  bool number = true;     // float, integer or boolean: can be read as T
  bool native = false;    // little-endian, IEEE or two's complement: bytes can be used as they are
  bool chunked = false;
  std::vector<int64_t> chunk_shape;
  std::vector<std::string> filters;  // "deflate", "shuffle", "fletcher32", "lz4 (32004)", …
};

struct Hdf5Layout {
  int64_t chunk_rows = 0;  // rows of the first dimension a chunk; 0: contiguous
  int gzip_level = 0;      // 0: none; needs chunk_rows
  bool shuffle = false;    // the byte-shuffle filter
  bool reserved =
      false;  // contiguous, its room taken at once and not filled: to be written at offset_bytes()
};

class Hdf5File {
 public:
  // Throws Error: no such file, not HDF5, truncated (says so).
  static Hdf5File open(const std::string& path);
  static Hdf5File create(const std::string& path);
  ~Hdf5File();
  Hdf5File(Hdf5File&& other) noexcept;
  Hdf5File& operator=(Hdf5File&&) = delete;

  const std::string& path() const { return path_; }
  bool has(const std::string& name) const;
  // Names of the links in `group` ("/" for the root), in alphabetical order; empty where there is no such
  // group.
  std::vector<std::string> list(const std::string& group) const;
  // Throws Error naming file and dataset; the hint lists what the file holds.
  Hdf5Info info(const std::string& dataset) const;

  // The whole dataset, converted to T (float, double, int64_t) by HDF5. Throws Error.
  template <class T>
  std::vector<T> read(const std::string& dataset) const;
  // Rows [first, first+count) of the first dimension into `out`.
  template <class T>
  void read_rows(const std::string& dataset, int64_t first, int64_t count, T* out) const;
  // A scalar string, or the first of several.
  std::string read_text(const std::string& dataset) const;
  std::vector<std::string> read_texts(const std::string& dataset) const;
  // A box of any dimensions, from `first` on, in row-major order.
  template <class T>
  std::vector<T> read_box(const std::string& dataset, const std::vector<int64_t>& first,
                          const std::vector<int64_t>& count) const;
  // Texts at a dataset, or at the file for "/"; empty where there is no such attribute.
  std::vector<std::string> read_attribute(const std::string& object, const std::string& name) const;
  // Where the bytes of a contiguous dataset begin in the file; -1 where it has none.
  int64_t offset_bytes(const std::string& dataset) const;

  // Creates missing groups. Throws Error (disk full, …).
  template <class T>
  void write(const std::string& dataset, std::span<const T> values, const std::vector<int64_t>& shape,
             const Hdf5Layout& layout = {});
  void write_text(const std::string& dataset, const std::string& value);
  void write_texts(const std::string& dataset, const std::vector<std::string>& values);
  // A scalar attribute, or with `list` one of several texts.
  void write_attribute(const std::string& object, const std::string& name, const std::string& value);
  void write_attribute(const std::string& object, const std::string& name,
                       const std::vector<std::string>& values);
  // For arrays too large for memory: create, then fill by rows.
  template <class T>
  void create_dataset(const std::string& dataset, const std::vector<int64_t>& shape,
                      const Hdf5Layout& layout = {});
  template <class T>
  void write_rows(const std::string& dataset, int64_t first, int64_t count, const T* values);
  // Flushes and closes; errors are thrown here rather than lost in the destructor.
  void close();
  int64_t id() const { return id_; }

 private:
  Hdf5File(std::string path, int64_t id);
  std::string path_;
  int64_t id_ = -1;
};

}  // namespace athanor
