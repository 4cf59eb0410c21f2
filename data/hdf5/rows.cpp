#include "data/hdf5/rows.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstring>
#include <functional>
#include <mutex>
#include <optional>
#include <utility>

#include "data/hdf5/chunk_decode.h"
#include "data/hdf5/h5.h"
#include "src/core/error.h"
#include "src/core/files.h"
#include "src/core/text.h"
#include "src/core/thread_pool.h"

namespace athanor {
namespace {

constexpr int64_t kTaskBytes = 512 << 10;    // enough work for one turn of a thread
constexpr int64_t kGapBytes = 16 << 10;      // read over rather than begin another read
constexpr int64_t kSmallRowBytes = 4 << 10;  // read together with their neighbours
constexpr int64_t kLibraryBytes = 64 << 20;  // at most, in one H5Dread

struct Needed {
  int64_t row;
  int64_t slot;
};
using NeededSpan = std::span<const Needed>;

struct ChunkPlace {
  haddr_t address = HADDR_UNDEF;
  hsize_t bytes = 0;
  unsigned mask = 0;
  bool known = false;
};

enum class Access { kContiguous, kChunked, kLibrary };

int64_t product(const std::vector<int64_t>& extents, size_t first) {
  int64_t result = 1;
  for (size_t i = first; i < extents.size(); ++i) result *= extents[i];
  return result;
}

// An own descriptor of the file that HDF5 has open, even if the path has been replaced since.
class FileBytes {
 public:
  explicit FileBytes(const Hdf5File& file) : path_(file.path()) {
    void* handle = nullptr;
    if (H5Fget_vfd_handle(file.id(), H5P_DEFAULT, &handle) >= 0 && handle != nullptr)
      fd_ = ::fcntl(*static_cast<int*>(handle), F_DUPFD_CLOEXEC, 0);
    if (fd_ < 0) throw Error({.where = path_, .what = "cannot read the file", .got = system_reason()});
  }
  ~FileBytes() { ::close(fd_); }
  FileBytes(const FileBytes&) = delete;
  FileBytes& operator=(const FileBytes&) = delete;

  int64_t size() const {
    struct stat status {};
    return ::fstat(fd_, &status) == 0 ? status.st_size : 0;
  }

  // "" or what is wrong.
  std::string read(int64_t offset, int64_t bytes, char* out) const {
    while (bytes > 0) {
      const ssize_t got = ::pread(fd_, out, static_cast<size_t>(bytes), offset);
      if (got == 0) return "the file ends before it: truncated?";
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return system_reason();
      offset += got;
      out += got;
      bytes -= got;
    }
    return "";
  }

 private:
  std::string path_;
  int fd_ = -1;
};

// Whether any of the values is NaN or infinite: an exponent of ones. Blocks of a fixed size, to be
// vectorised.
bool any_not_finite(const char* values, int64_t count) {
  constexpr int64_t kBlock = 64;
  constexpr uint32_t kExponent = 0x7f800000;
  uint32_t found = 0;
  uint32_t block[kBlock];
  int64_t i = 0;
  for (; i + kBlock <= count; i += kBlock) {
    std::memcpy(block, values + i * 4, sizeof block);
    for (uint32_t bits : block) found |= (bits & kExponent) == kExponent ? 1U : 0U;
  }
  for (; i < count; ++i) {
    std::memcpy(block, values + i * 4, 4);
    found |= (block[0] & kExponent) == kExponent ? 1U : 0U;
  }
  return found != 0;
}

}  // namespace

struct RowReader::State {
  std::string where;
  Options options;
  h5::Handle dataset;
  Hdf5Info info;
  FileBytes bytes;
  Access access = Access::kLibrary;
  int64_t element_bytes;
  int64_t row_bytes;
  int64_t offset = 0;          // contiguous: of row 0 in the file
  std::vector<int64_t> grid;   // chunked: chunks along each dimension
  int64_t chunks_a_group = 0;  // chunks that share their rows
  int64_t chunk_row_bytes = 0;
  ChunkFilters filters;
  std::vector<char> fill;  // one element
  mutable std::vector<ChunkPlace> places;

  State(const Hdf5File& file, const std::string& name, Options wanted)
      : where(h5::place(file, name)),
        options(std::move(wanted)),
        dataset(h5::open_dataset(file, file.id(), name)),
        info(h5::dataset_info(dataset)),
        bytes(file) {
    if (!info.number)
      throw Error({.where = where, .what = "cannot be read", .expected = "numbers", .got = info.type_text});
    if (info.shape.empty())
      throw Error({.where = where, .what = "cannot be read by rows: it is a single value"});
    h5::check_filters(dataset, where);
    element_bytes = options.type == RowType::kFloat32 ? 4 : 8;
    row_bytes = element_bytes * product(info.shape, 1);
    choose_access(file);
  }

  hid_t slot_type() const { return options.type == RowType::kFloat32 ? H5T_NATIVE_FLOAT : H5T_NATIVE_INT64; }

  void choose_access(const Hdf5File& file) {
    const h5::Handle creation(H5Fget_create_plist(file.id()), H5Pclose);
    hsize_t user_block = 0;
    H5Pget_userblock(creation, &user_block);
    const NumberType same = options.type == RowType::kFloat32 ? NumberType::kFloat32 : NumberType::kInt64;
    if (user_block != 0 || !info.native || info.type != same || product(info.shape, 0) == 0) return;
    if (info.chunked) return plan_chunks();
    const haddr_t address = H5Dget_offset(dataset);
    if (address == HADDR_UNDEF) return;
    offset = static_cast<int64_t>(address);
    const int64_t end = offset + row_bytes * info.shape[0];
    if (end > bytes.size())
      throw Error({.where = where,
                   .what = "the file is truncated",
                   .expected = text("at least ", end, " bytes"),
                   .got = text(bytes.size()),
                   .hint = "copy or make it again"});
    access = Access::kContiguous;
  }

  void plan_chunks() {
    const h5::Handle plan(H5Dget_create_plist(dataset), H5Pclose);
    unsigned edges = 0;
    H5Pget_chunk_opts(plan, &edges);
    if (edges != 0) return;
    for (int i = 0; i < H5Pget_nfilters(plan); ++i) {
      unsigned flags = 0, config = 0;
      size_t count = 0;
      const auto id =
          H5Pget_filter2(plan, static_cast<unsigned>(i), &flags, &count, nullptr, 0, nullptr, &config);
      if (id == H5Z_FILTER_DEFLATE)
        filters.steps.push_back(ChunkFilter::kDeflate);
      else if (id == H5Z_FILTER_SHUFFLE)
        filters.steps.push_back(ChunkFilter::kShuffle);
      else if (id == H5Z_FILTER_FLETCHER32)
        filters.steps.push_back(ChunkFilter::kFletcher32);
      else
        return;
    }
    if (std::count(filters.steps.begin(), filters.steps.end(), ChunkFilter::kDeflate) > 1) return;
    filters.element_bytes = static_cast<size_t>(element_bytes);
    chunk_row_bytes = element_bytes * product(info.chunk_shape, 1);
    filters.raw_bytes = static_cast<size_t>(chunk_row_bytes * info.chunk_shape[0]);
    for (size_t d = 0; d < info.shape.size(); ++d)
      grid.push_back((info.shape[d] + info.chunk_shape[d] - 1) / info.chunk_shape[d]);
    chunks_a_group = product(grid, 1);
    places.resize(static_cast<size_t>(product(grid, 0)));
    fill.resize(static_cast<size_t>(element_bytes));
    H5D_fill_value_t defined = H5D_FILL_VALUE_UNDEFINED;
    H5Pfill_value_defined(plan, &defined);
    if (defined != H5D_FILL_VALUE_UNDEFINED)
      h5::check(H5Pget_fill_value(plan, slot_type(), fill.data()), where, "read the fill value");
    access = Access::kChunked;
  }

  std::vector<int64_t> chunk_coordinates(int64_t chunk) const {
    std::vector<int64_t> at(grid.size());
    for (size_t d = grid.size(); d-- > 0; chunk /= grid[d]) at[d] = chunk % grid[d];
    return at;
  }

  [[noreturn]] void chunk_error(int64_t chunk, const std::string& problem) const {
    throw Error({.where = where,
                 .what = text("chunk ", shape_text(chunk_coordinates(chunk)), " cannot be read"),
                 .got = problem,
                 .hint = "the file is damaged: copy or make it again"});
  }

  void find_chunk(int64_t chunk) const {
    ChunkPlace& place = places[static_cast<size_t>(chunk)];
    if (place.known) return;
    std::vector<int64_t> at = chunk_coordinates(chunk);
    std::vector<hsize_t> start(at.size());
    for (size_t d = 0; d < at.size(); ++d) start[d] = static_cast<hsize_t>(at[d] * info.chunk_shape[d]);
    if (H5Dget_chunk_info_by_coord(dataset, start.data(), &place.mask, &place.address, &place.bytes) < 0)
      chunk_error(chunk, h5::reason());
    place.known = true;
  }

  void check_row(int64_t row, const char* slot) const {
    if (options.check_finite && any_not_finite(slot, row_bytes / 4)) throw_not_finite(row, slot);
  }

  [[noreturn]] void throw_not_finite(int64_t row, const char* slot) const {
    int64_t at = 0;
    float value = 0;
    for (;; ++at) {
      std::memcpy(&value, slot + at * 4, 4);
      if (!std::isfinite(value)) break;
    }
    std::string place = text("sample ", row);
    const int64_t last = info.shape.size() > 1 ? info.shape.back() : 1;
    if (info.shape.size() == 3) place += text(", time step ", at / last);
    const auto feature = static_cast<size_t>(at % last);
    if (info.shape.size() > 1) place += text(", feature ", feature);
    if (info.shape.size() > 1 && feature < options.feature_names.size())
      place += text(" ('", options.feature_names[feature], "')");
    throw Error({.where = where,
                 .what = text(std::isnan(value) ? "NaN" : "an infinite value", " at ", place),
                 .hint = "clean the data, or read on with check_finite=false"});
  }

  // --- contiguous
  // -------------------------------------------------------------------------------------------

  void read_contiguous(NeededSpan needed, const SlotArray& slots, ThreadPool& pool) const {
    std::vector<NeededSpan> tasks = row_bytes <= kSmallRowBytes ? near_runs(needed) : even_runs(needed);
    pool.parallel_for(static_cast<int64_t>(tasks.size()), [&](int64_t task) {
      const NeededSpan run = tasks[static_cast<size_t>(task)];
      if (row_bytes <= kSmallRowBytes) return read_together(run, slots);
      for (const Needed& one : run)
        read_at(offset + one.row * row_bytes, row_bytes, slots.slot(one.slot), one.row);
      for (const Needed& one : run) check_row(one.row, slots.slot(one.slot));
    });
  }

  void read_at(int64_t from, int64_t count, char* out, int64_t row) const {
    const std::string problem = bytes.read(from, count, out);
    if (!problem.empty())
      throw Error({.where = where, .what = text("cannot read row ", row), .got = problem});
  }

  void read_together(NeededSpan run, const SlotArray& slots) const {
    static thread_local ByteBuffer buffer;
    const int64_t first = run.front().row;
    const int64_t count = (run.back().row - first + 1) * row_bytes;
    read_at(offset + first * row_bytes, count, buffer.resize(static_cast<size_t>(count)), first);
    for (const Needed& one : run) {
      char* slot = slots.slot(one.slot);
      std::memcpy(slot, buffer.data() + (one.row - first) * row_bytes, static_cast<size_t>(row_bytes));
      check_row(one.row, slot);
    }
  }

  // Runs of rows whose bytes lie near each other, of at most kTaskBytes.
  std::vector<NeededSpan> near_runs(NeededSpan needed) const {
    std::vector<NeededSpan> runs;
    for (size_t begin = 0; begin < needed.size();) {
      size_t end = begin + 1;
      while (end < needed.size() && (needed[end].row - needed[end - 1].row) * row_bytes <= kGapBytes &&
             (needed[end].row - needed[begin].row) * row_bytes < kTaskBytes)
        ++end;
      runs.push_back(needed.subspan(begin, end - begin));
      begin = end;
    }
    return runs;
  }

  std::vector<NeededSpan> even_runs(NeededSpan needed) const {
    const auto length = static_cast<size_t>(std::max<int64_t>(1, kTaskBytes / row_bytes));
    std::vector<NeededSpan> runs;
    for (size_t begin = 0; begin < needed.size(); begin += length)
      runs.push_back(needed.subspan(begin, std::min(length, needed.size() - begin)));
    return runs;
  }

  // --- chunked
  // ----------------------------------------------------------------------------------------------

  void read_chunks(NeededSpan needed, const SlotArray& slots, ThreadPool& pool) const {
    const std::vector<NeededSpan> groups = row_groups(needed, info.chunk_shape[0]);
    {
      const auto held = h5::lock();
      for (NeededSpan group : groups)
        for (int64_t inner = 0; inner < chunks_a_group; ++inner) find_chunk(chunk_of(group, inner));
    }
    pool.parallel_for(static_cast<int64_t>(groups.size()) * chunks_a_group, [&](int64_t task) {
      const NeededSpan group = groups[static_cast<size_t>(task / chunks_a_group)];
      read_chunk(chunk_of(group, task % chunks_a_group), group, slots);
    });
    if (chunks_a_group > 1) check_all(needed, slots, pool);
  }

  int64_t chunk_of(NeededSpan group, int64_t inner) const {
    return group.front().row / info.chunk_shape[0] * chunks_a_group + inner;
  }

  void check_all(NeededSpan needed, const SlotArray& slots, ThreadPool& pool) const {
    if (!options.check_finite) return;
    pool.parallel_for(static_cast<int64_t>(needed.size()), [&](int64_t i) {
      const Needed& one = needed[static_cast<size_t>(i)];
      check_row(one.row, slots.slot(one.slot));
    });
  }

  // Runs of rows that share a group of `length` rows.
  static std::vector<NeededSpan> row_groups(NeededSpan needed, int64_t length) {
    std::vector<NeededSpan> groups;
    for (size_t begin = 0; begin < needed.size();) {
      size_t end = begin + 1;
      while (end < needed.size() && needed[end].row / length == needed[begin].row / length) ++end;
      groups.push_back(needed.subspan(begin, end - begin));
      begin = end;
    }
    return groups;
  }

  void read_chunk(int64_t chunk, NeededSpan group, const SlotArray& slots) const {
    static thread_local ByteBuffer raw, spare;
    const ChunkPlace& place = places[static_cast<size_t>(chunk)];
    if (place.address == HADDR_UNDEF) {
      fill_chunk(raw);
    } else {
      const auto stored = static_cast<int64_t>(place.bytes);
      std::string problem = bytes.read(static_cast<int64_t>(place.address), stored, raw.resize(place.bytes));
      if (problem.empty()) problem = decode_chunk(filters, place.mask, raw, spare);
      if (!problem.empty()) chunk_error(chunk, problem);
    }
    const std::vector<int64_t> at = chunk_coordinates(chunk);
    for (const Needed& one : group) {
      const char* from = raw.data() + (one.row % info.chunk_shape[0]) * chunk_row_bytes;
      char* slot = slots.slot(one.slot);
      copy_box(at, 1, from, slot);
      if (chunks_a_group == 1) check_row(one.row, slot);
    }
  }

  void fill_chunk(ByteBuffer& raw) const {
    char* out = raw.resize(filters.raw_bytes);
    for (size_t i = 0; i < filters.raw_bytes; i += fill.size())
      std::memcpy(out + i, fill.data(), fill.size());
  }

  // The part of a chunk's row that lies inside the dataset, into its place in the slot, from dimension d on.
  void copy_box(const std::vector<int64_t>& at, size_t d, const char* from, char* slot) const {
    const size_t rank = info.shape.size();
    if (chunks_a_group == 1 && chunk_row_bytes == row_bytes) {
      std::memcpy(slot, from, static_cast<size_t>(row_bytes));
      return;
    }
    const int64_t first = at[d] * info.chunk_shape[d];
    const int64_t extent = std::min(info.chunk_shape[d], info.shape[d] - first);
    const int64_t from_step = element_bytes * product(info.chunk_shape, d + 1);
    const int64_t slot_step = element_bytes * product(info.shape, d + 1);
    if (d + 1 == rank) {
      std::memcpy(slot + first * slot_step, from, static_cast<size_t>(extent * element_bytes));
      return;
    }
    for (int64_t i = 0; i < extent; ++i)
      copy_box(at, d + 1, from + i * from_step, slot + (first + i) * slot_step);
  }

  // --- through the library
  // ----------------------------------------------------------------------------------

  void read_by_library(NeededSpan needed, const SlotArray& slots) const {
    const int64_t most = std::max<int64_t>(1, kLibraryBytes / std::max<int64_t>(1, row_bytes));
    const int64_t length = info.chunked
                               ? std::min(info.chunk_shape[0], most)
                               : std::clamp<int64_t>(kTaskBytes / std::max<int64_t>(1, row_bytes), 1, most);
    ByteBuffer buffer;
    for (NeededSpan group : row_groups(needed, length)) {
      const int64_t first = group.front().row;
      const int64_t count = group.back().row - first + 1;
      read_block(first, count, buffer.resize(static_cast<size_t>(count * row_bytes)));
      for (const Needed& one : group) {
        char* slot = slots.slot(one.slot);
        std::memcpy(slot, buffer.data() + (one.row - first) * row_bytes, static_cast<size_t>(row_bytes));
        check_row(one.row, slot);
      }
    }
  }

  void read_block(int64_t first, int64_t count, char* out) const {
    const auto held = h5::lock();
    const h5::Handle rows(H5Dget_space(dataset), H5Sclose);
    std::vector<hsize_t> start(info.shape.size(), 0), extent(info.shape.begin(), info.shape.end());
    start[0] = static_cast<hsize_t>(first);
    extent[0] = static_cast<hsize_t>(count);
    H5Sselect_hyperslab(rows, H5S_SELECT_SET, start.data(), nullptr, extent.data(), nullptr);
    const h5::Handle memory(H5Screate_simple(static_cast<int>(extent.size()), extent.data(), nullptr),
                            H5Sclose);
    h5::check(H5Dread(dataset, slot_type(), memory, rows, H5P_DEFAULT, out), where,
              text("read rows ", first, " to ", first + count - 1));
  }
};

namespace {

std::vector<Needed> sorted_by_row(std::span<const int64_t> rows) {
  std::vector<Needed> needed(rows.size());
  for (size_t j = 0; j < rows.size(); ++j) needed[j] = {rows[j], static_cast<int64_t>(j)};
  const auto by_row = [](const Needed& a, const Needed& b) { return a.row < b.row; };
  if (!std::is_sorted(needed.begin(), needed.end(), by_row)) std::sort(needed.begin(), needed.end(), by_row);
  return needed;
}

}  // namespace

RowReader::RowReader(const Hdf5File& file, const std::string& dataset, Options options) {
  const auto held = h5::lock();
  state_ = std::make_unique<State>(file, dataset, std::move(options));
}

RowReader::~RowReader() {
  const auto held = h5::lock();
  state_.reset();
}

RowReader::RowReader(RowReader&&) noexcept = default;

const Hdf5Info& RowReader::info() const { return state_->info; }
int64_t RowReader::rows() const { return state_->info.shape[0]; }
int64_t RowReader::row_bytes() const { return state_->row_bytes; }

void RowReader::read(std::span<const int64_t> rows, const SlotArray& slots, ThreadPool& pool) const {
  if (rows.empty() || state_->row_bytes == 0) return;
  assert(slots.slot_bytes == state_->row_bytes);
  const std::vector<Needed> needed = sorted_by_row(rows);
  assert(needed.front().row >= 0 && needed.back().row < this->rows());
  switch (state_->access) {
    case Access::kContiguous:
      return state_->read_contiguous(needed, slots, pool);
    case Access::kChunked:
      return state_->read_chunks(needed, slots, pool);
    case Access::kLibrary:
      return state_->read_by_library(needed, slots);
  }
}

}  // namespace athanor
