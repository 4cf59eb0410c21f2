// Rows that lie side by side in the file. Large ones are copied from a mapping of the file, checked in the
// same pass (a read(2) into the slot and a check of it cost a fifth more on one thread). What has been copied
// is let go, a window at a time, so that the file does not count as this process's memory; row by row, that
// would stop the other threads each time. Small rows are read together with their neighbours.
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>

#include "data/hdf5/chunk_decode.h"
#include "data/hdf5/finite.h"
#include "data/hdf5/row_access.h"
#include "src/core/error.h"
#include "src/core/text.h"
#include "src/core/thread_pool.h"

namespace athanor {
namespace {

constexpr int64_t kGapBytes = 16 << 10;         // read over rather than begin another read
constexpr int64_t kMappedRowBytes = 64 << 10;   // and more: copied from a mapping
constexpr int64_t kWindowBytes = 16 << 20;      // mapped at a time
constexpr int64_t kStreamedRowBytes = 1 << 10;  // and more: written past the caches

// A mapping of the file whose pages are brought in and let go row by row.
class MappedFile {
 public:
  MappedFile(int descriptor, int64_t bytes) : bytes_(bytes) {
    void* base = ::mmap(nullptr, static_cast<size_t>(bytes), PROT_READ, MAP_SHARED, descriptor, 0);
    base_ = base == MAP_FAILED ? nullptr : static_cast<char*>(base);
  }
  ~MappedFile() {
    if (base_ != nullptr) ::munmap(base_, static_cast<size_t>(bytes_));
  }
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  // Whether [offset, offset+bytes) is there to be read; asked of the kernel, since touching what a truncated
  // file or a broken disk cannot give would end the process. False where the kernel (before 5.14) cannot
  // tell.
  bool acquire(int64_t offset, int64_t bytes) const {
    if (base_ == nullptr) return false;
    static const int64_t page = ::sysconf(_SC_PAGESIZE);
    const int64_t begin = offset / page * page;
    return ::madvise(base_ + begin, static_cast<size_t>(offset + bytes - begin), kPopulateRead) == 0;
  }
  // Lets go of all that has been touched. The kernel also maps what lies around a page, up to 2 MiB where the
  // page cache holds it in large pieces; row by row that would be missed.
  void release() const {
    if (base_ != nullptr) ::madvise(base_, static_cast<size_t>(bytes_), MADV_DONTNEED);
  }
  const char* at(int64_t offset) const { return base_ + offset; }

 private:
  static constexpr int kPopulateRead = 22;  // MADV_POPULATE_READ

  char* base_ = nullptr;
  int64_t bytes_;
};

class ContiguousRows : public RowAccess {
 public:
  ContiguousRows(const RowTarget& target, const FileBytes& file, int64_t offset)
      : target_(target), file_(file), offset_(offset) {
    if (target.row_bytes >= kMappedRowBytes) mapped_.emplace(file.descriptor(), file.size());
  }

  void read(NeededSpan needed, const SlotArray& slots, ThreadPool& pool) const override {
    if (target_.row_bytes < kMappedRowBytes) {
      const std::vector<NeededSpan> runs = near_runs(needed);
      pool.parallel_for(static_cast<int64_t>(runs.size()),
                        [&](int64_t run) { read_together(runs[static_cast<size_t>(run)], slots); });
      return;
    }
    for (NeededSpan window : even_runs(needed, kWindowBytes)) read_window(window, slots, pool);
  }

 private:
  int64_t place(int64_t row) const { return offset_ + row * target_.row_bytes; }

  void read_window(NeededSpan window, const SlotArray& slots, ThreadPool& pool) const {
    const std::vector<NeededSpan> tasks = even_runs(window, kTaskBytes);
    pool.parallel_for(static_cast<int64_t>(tasks.size()), [&](int64_t task) {
      for (const Needed& one : tasks[static_cast<size_t>(task)]) read_row(one.row, slots.slot(one.slot));
    });
    mapped_->release();
  }

  void read_row(int64_t row, char* slot) const {
    if (mapped_->acquire(place(row), target_.row_bytes)) return copy_row(mapped_->at(place(row)), row, slot);
    read_at(place(row), target_.row_bytes, slot, row);
    target_.check_row(row, slot);
  }

  void copy_row(const char* from, int64_t row, char* slot) const {
    if (target_.row_bytes >= kStreamedRowBytes) {
      const bool finite = copy_and_check(from, slot, target_.row_bytes);
      if (!finite && target_.options.check_finite) target_.throw_not_finite(row, slot);
      return;
    }
    std::memcpy(slot, from, static_cast<size_t>(target_.row_bytes));
    target_.check_row(row, slot);
  }

  void read_at(int64_t from, int64_t count, char* out, int64_t row) const {
    const std::string problem = file_.read(from, count, out);
    if (!problem.empty())
      throw Error({.where = target_.where, .what = text("cannot read row ", row), .got = problem});
  }

  void read_together(NeededSpan run, const SlotArray& slots) const {
    static thread_local ByteBuffer buffer;
    const int64_t bytes = target_.row_bytes;
    const int64_t first = run.front().row;
    const int64_t count = (run.back().row - first + 1) * bytes;
    read_at(place(first), count, buffer.resize(static_cast<size_t>(count)), first);
    for (const Needed& one : run) {
      copy_row(buffer.data() + (one.row - first) * bytes, one.row, slots.slot(one.slot));
    }
  }

  // Runs of rows whose bytes lie near each other, of at most kTaskBytes.
  std::vector<NeededSpan> near_runs(NeededSpan needed) const {
    const int64_t bytes = target_.row_bytes;
    std::vector<NeededSpan> runs;
    for (size_t begin = 0; begin < needed.size();) {
      size_t end = begin + 1;
      while (end < needed.size() && (needed[end].row - needed[end - 1].row) * bytes <= kGapBytes &&
             (needed[end].row - needed[begin].row) * bytes < kTaskBytes)
        ++end;
      runs.push_back(needed.subspan(begin, end - begin));
      begin = end;
    }
    return runs;
  }

  std::vector<NeededSpan> even_runs(NeededSpan needed, int64_t run_bytes) const {
    const auto length = static_cast<size_t>(std::max<int64_t>(1, run_bytes / target_.row_bytes));
    std::vector<NeededSpan> runs;
    for (size_t begin = 0; begin < needed.size(); begin += length)
      runs.push_back(needed.subspan(begin, std::min(length, needed.size() - begin)));
    return runs;
  }

  const RowTarget& target_;
  const FileBytes& file_;
  int64_t offset_;  // of row 0 in the file
  std::optional<MappedFile> mapped_;
};

}  // namespace

std::unique_ptr<RowAccess> find_contiguous_rows(const RowTarget& target, hid_t dataset,
                                                const FileBytes& file) {
  const haddr_t address = H5Dget_offset(dataset);
  if (target.info.chunked || address == HADDR_UNDEF) return nullptr;
  const auto offset = static_cast<int64_t>(address);
  const int64_t end = offset + target.row_bytes * target.info.shape[0];
  if (end > file.size())
    throw Error({.where = target.where,
                 .what = "the file is truncated",
                 .expected = text("at least ", end, " bytes"),
                 .got = text(file.size()),
                 .hint = "copy or make it again"});
  return std::make_unique<ContiguousRows>(target, file, offset);
}

}  // namespace athanor
