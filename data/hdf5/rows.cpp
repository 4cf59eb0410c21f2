#include "data/hdf5/rows.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <utility>

#include "data/hdf5/chunk_decode.h"
#include "data/hdf5/finite.h"
#include "data/hdf5/h5.h"
#include "data/hdf5/row_access.h"
#include "src/core/error.h"
#include "src/core/files.h"
#include "src/core/text.h"
#include "src/core/thread_pool.h"

namespace athanor {
namespace {

constexpr int64_t kLibraryBytes = 64 << 20;  // at most, in one H5Dread

// Everything else: H5Dread under the lock, which converts, a block of neighbouring rows at a time.
class LibraryRows : public RowAccess {
 public:
  LibraryRows(const RowTarget& target, hid_t dataset) : target_(target), dataset_(dataset) {}

  void read(NeededSpan needed, const SlotArray& slots, ThreadPool& /*pool*/) const override {
    const int64_t bytes = target_.row_bytes;
    const int64_t most = std::max<int64_t>(1, kLibraryBytes / bytes);
    const int64_t length = target_.info.chunked ? std::min(target_.info.chunk_shape[0], most)
                                                : std::clamp<int64_t>(kTaskBytes / bytes, 1, most);
    ByteBuffer buffer;
    for (NeededSpan group : row_groups(needed, length)) {
      const int64_t first = group.front().row;
      const int64_t count = group.back().row - first + 1;
      read_block(first, count, buffer.resize(static_cast<size_t>(count * bytes)));
      for (const Needed& one : group) {
        char* slot = slots.slot(one.slot);
        std::memcpy(slot, buffer.data() + (one.row - first) * bytes, static_cast<size_t>(bytes));
        target_.check_row(one.row, slot);
      }
    }
  }

 private:
  void read_block(int64_t first, int64_t count, char* out) const {
    const auto held = h5::lock();
    const h5::Handle rows(H5Dget_space(dataset_), H5Sclose);
    const std::vector<int64_t>& shape = target_.info.shape;
    std::vector<hsize_t> start(shape.size(), 0), extent(shape.begin(), shape.end());
    start[0] = static_cast<hsize_t>(first);
    extent[0] = static_cast<hsize_t>(count);
    H5Sselect_hyperslab(rows, H5S_SELECT_SET, start.data(), nullptr, extent.data(), nullptr);
    const h5::Handle memory(H5Screate_simple(static_cast<int>(extent.size()), extent.data(), nullptr),
                            H5Sclose);
    h5::check(H5Dread(dataset_, target_.slot_type(), memory, rows, H5P_DEFAULT, out), target_.where,
              text("read rows ", first, " to ", first + count - 1));
  }

  const RowTarget& target_;
  hid_t dataset_;
};

std::vector<Needed> sorted_by_row(std::span<const int64_t> rows) {
  std::vector<Needed> needed(rows.size());
  for (size_t j = 0; j < rows.size(); ++j) needed[j] = {rows[j], static_cast<int64_t>(j)};
  const auto by_row = [](const Needed& a, const Needed& b) { return a.row < b.row; };
  if (!std::is_sorted(needed.begin(), needed.end(), by_row)) std::sort(needed.begin(), needed.end(), by_row);
  return needed;
}

RowTarget make_target(const std::string& where, RowReader::Options options, hid_t dataset) {
  RowTarget target{where, std::move(options), h5::dataset_info(dataset), 0, 0};
  if (!target.info.number)
    throw Error(
        {.where = where, .what = "cannot be read", .expected = "numbers", .got = target.info.type_text});
  if (target.info.shape.empty())
    throw Error({.where = where, .what = "cannot be read by rows: it is a single value"});
  h5::check_filters(dataset, where);
  target.element_bytes = target.options.type == RowType::kFloat32 ? 4 : 8;
  target.row_bytes = target.element_bytes * product(target.info.shape, 1);
  return target;
}

// Whether the stored bytes can be used as they are.
bool same_bytes(const Hdf5File& file, const RowTarget& target) {
  const h5::Handle creation(H5Fget_create_plist(file.id()), H5Pclose);
  hsize_t user_block = 0;
  H5Pget_userblock(creation, &user_block);
  const NumberType same =
      target.options.type == RowType::kFloat32 ? NumberType::kFloat32 : NumberType::kInt64;
  return user_block == 0 && target.info.native && target.info.type == same &&
         product(target.info.shape, 0) > 0;
}

}  // namespace

int64_t product(const std::vector<int64_t>& extents, size_t first) {
  int64_t result = 1;
  for (size_t i = first; i < extents.size(); ++i) result *= extents[i];
  return result;
}

std::vector<NeededSpan> row_groups(NeededSpan needed, int64_t length) {
  std::vector<NeededSpan> groups;
  for (size_t begin = 0; begin < needed.size();) {
    size_t end = begin + 1;
    while (end < needed.size() && needed[end].row / length == needed[begin].row / length) ++end;
    groups.push_back(needed.subspan(begin, end - begin));
    begin = end;
  }
  return groups;
}

void RowTarget::check_row(int64_t row, const char* slot) const {
  if (options.check_finite && !all_finite(slot, row_bytes / 4)) throw_not_finite(row, slot);
}

void RowTarget::throw_not_finite(int64_t row, const char* slot) const {
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

FileBytes::FileBytes(const Hdf5File& file) {
  void* handle = nullptr;
  if (H5Fget_vfd_handle(file.id(), H5P_DEFAULT, &handle) >= 0 && handle != nullptr)
    fd_ = ::fcntl(*static_cast<int*>(handle), F_DUPFD_CLOEXEC, 0);
  if (fd_ < 0) throw Error({.where = file.path(), .what = "cannot read the file", .got = system_reason()});
}

FileBytes::~FileBytes() { ::close(fd_); }

int64_t FileBytes::size() const {
  struct stat status {};
  return ::fstat(fd_, &status) == 0 ? status.st_size : 0;
}

std::string FileBytes::read(int64_t offset, int64_t bytes, char* out) const {
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

std::unique_ptr<RowAccess> make_library_rows(const RowTarget& target, hid_t dataset) {
  return std::make_unique<LibraryRows>(target, dataset);
}

struct RowReader::State {
  h5::Handle dataset;
  RowTarget target;
  FileBytes bytes;
  std::unique_ptr<RowAccess> access;

  State(const Hdf5File& file, const std::string& name, Options options)
      : dataset(h5::open_dataset(file, file.id(), name)),
        target(make_target(h5::place(file, name), std::move(options), dataset)),
        bytes(file) {
    if (same_bytes(file, target)) access = find_contiguous_rows(target, dataset, bytes);
    if (same_bytes(file, target) && !access) access = find_chunked_rows(target, dataset, bytes);
    if (!access) access = make_library_rows(target, dataset);
  }
};

RowReader::RowReader(const Hdf5File& file, const std::string& dataset, Options options) {
  const auto held = h5::lock();
  state_ = std::make_unique<State>(file, dataset, std::move(options));
}

RowReader::~RowReader() {
  const auto held = h5::lock();
  state_.reset();
}

RowReader::RowReader(RowReader&&) noexcept = default;

const Hdf5Info& RowReader::info() const { return state_->target.info; }
int64_t RowReader::rows() const { return state_->target.info.shape[0]; }
int64_t RowReader::row_bytes() const { return state_->target.row_bytes; }

void RowReader::read(std::span<const int64_t> rows, const SlotArray& slots, ThreadPool& pool) const {
  if (rows.empty() || state_->target.row_bytes == 0) return;
  assert(slots.slot_bytes == state_->target.row_bytes);
  const std::vector<Needed> needed = sorted_by_row(rows);
  assert(needed.front().row >= 0 && needed.back().row < this->rows());
  state_->access->read(needed, slots, pool);
}

}  // namespace athanor
