// Rows in HDF5 chunks: looked up by the library, read and decoded outside its lock, each chunk once a read.
// Chunks may be cut along every dimension and hang over the dataset's edge; those never written hold the fill
// value.
#include <algorithm>
#include <cstring>

#include "data/hdf5/chunk_decode.h"
#include "data/hdf5/row_access.h"
#include "src/core/error.h"
#include "src/core/text.h"
#include "src/core/thread_pool.h"

namespace athanor {
namespace {

struct ChunkPlace {
  haddr_t address = HADDR_UNDEF;
  hsize_t bytes = 0;
  unsigned mask = 0;
  bool known = false;
};

class ChunkedRows : public RowAccess {
 public:
  ChunkedRows(const RowTarget& target, hid_t dataset, const FileBytes& file, std::vector<ChunkFilter> steps)
      : target_(target),
        dataset_(dataset),
        file_(file),
        shape_(target.info.shape),
        chunk_(target.info.chunk_shape) {
    for (size_t d = 0; d < shape_.size(); ++d) grid_.push_back((shape_[d] + chunk_[d] - 1) / chunk_[d]);
    chunks_a_group_ = product(grid_, 1);
    chunk_row_bytes_ = target.element_bytes * product(chunk_, 1);
    filters_ = {std::move(steps), static_cast<size_t>(target.element_bytes),
                static_cast<size_t>(chunk_row_bytes_ * chunk_[0])};
    places_.resize(static_cast<size_t>(product(grid_, 0)));
    read_fill_value();
  }

  void read(NeededSpan needed, const SlotArray& slots, ThreadPool& pool) const override {
    const std::vector<NeededSpan> groups = row_groups(needed, chunk_[0]);
    {
      const auto held = h5::lock();
      for (NeededSpan group : groups)
        for (int64_t inner = 0; inner < chunks_a_group_; ++inner) find_chunk(chunk_of(group, inner));
    }
    pool.parallel_for(static_cast<int64_t>(groups.size()) * chunks_a_group_, [&](int64_t task) {
      const NeededSpan group = groups[static_cast<size_t>(task / chunks_a_group_)];
      read_chunk(chunk_of(group, task % chunks_a_group_), group, slots);
    });
    if (chunks_a_group_ == 1) return;
    pool.parallel_for(static_cast<int64_t>(needed.size()), [&](int64_t i) {
      const Needed& one = needed[static_cast<size_t>(i)];
      target_.check_row(one.row, slots.slot(one.slot));
    });
  }

 private:
  void read_fill_value() {
    fill_.resize(static_cast<size_t>(target_.element_bytes));
    const h5::Handle plan(H5Dget_create_plist(dataset_), H5Pclose);
    H5D_fill_value_t defined = H5D_FILL_VALUE_UNDEFINED;
    H5Pfill_value_defined(plan, &defined);
    if (defined != H5D_FILL_VALUE_UNDEFINED)
      h5::check(H5Pget_fill_value(plan, target_.slot_type(), fill_.data()), target_.where,
                "read the fill value");
  }

  // Chunks of one group share their rows.
  int64_t chunk_of(NeededSpan group, int64_t inner) const {
    return group.front().row / chunk_[0] * chunks_a_group_ + inner;
  }

  std::vector<int64_t> coordinates(int64_t chunk) const {
    std::vector<int64_t> at(grid_.size());
    for (size_t d = grid_.size(); d-- > 0; chunk /= grid_[d]) at[d] = chunk % grid_[d];
    return at;
  }

  [[noreturn]] void fail(int64_t chunk, const std::string& problem) const {
    throw Error({.where = target_.where,
                 .what = text("chunk ", shape_text(coordinates(chunk)), " cannot be read"),
                 .got = problem,
                 .hint = "the file is damaged: copy or make it again"});
  }

  void find_chunk(int64_t chunk) const {
    ChunkPlace& place = places_[static_cast<size_t>(chunk)];
    if (place.known) return;
    const std::vector<int64_t> at = coordinates(chunk);
    std::vector<hsize_t> start(at.size());
    for (size_t d = 0; d < at.size(); ++d)
      start[d] = static_cast<hsize_t>(at[d]) * static_cast<hsize_t>(chunk_[d]);
    if (H5Dget_chunk_info_by_coord(dataset_, start.data(), &place.mask, &place.address, &place.bytes) < 0)
      fail(chunk, h5::reason());
    place.known = true;
  }

  void read_chunk(int64_t chunk, NeededSpan group, const SlotArray& slots) const {
    static thread_local ByteBuffer raw, spare;
    const ChunkPlace& place = places_[static_cast<size_t>(chunk)];
    if (place.address == HADDR_UNDEF) {
      fill_chunk(raw);
    } else {
      std::string problem = file_.read(static_cast<int64_t>(place.address), static_cast<int64_t>(place.bytes),
                                       raw.resize(place.bytes));
      if (problem.empty()) problem = decode_chunk(filters_, place.mask, raw, spare);
      if (!problem.empty()) fail(chunk, problem);
    }
    const std::vector<int64_t> at = coordinates(chunk);
    for (const Needed& one : group) {
      const char* from = raw.data() + one.row % chunk_[0] * chunk_row_bytes_;
      char* slot = slots.slot(one.slot);
      if (chunk_row_bytes_ == target_.row_bytes && chunks_a_group_ == 1)
        std::memcpy(slot, from, static_cast<size_t>(target_.row_bytes));
      else
        copy_box(at, 1, from, slot);
      if (chunks_a_group_ == 1) target_.check_row(one.row, slot);
    }
  }

  void fill_chunk(ByteBuffer& raw) const {
    char* out = raw.resize(filters_.raw_bytes);
    for (size_t i = 0; i < filters_.raw_bytes; i += fill_.size())
      std::memcpy(out + i, fill_.data(), fill_.size());
  }

  // The part of a chunk's row that lies inside the dataset, into its place in the slot, from dimension d on.
  void copy_box(const std::vector<int64_t>& at, size_t d, const char* from, char* slot) const {
    const int64_t first = at[d] * chunk_[d];
    const int64_t extent = std::min(chunk_[d], shape_[d] - first);
    const int64_t from_step = target_.element_bytes * product(chunk_, d + 1);
    const int64_t slot_step = target_.element_bytes * product(shape_, d + 1);
    if (d + 1 == shape_.size()) {
      std::memcpy(slot + first * slot_step, from, static_cast<size_t>(extent * slot_step));
      return;
    }
    for (int64_t i = 0; i < extent; ++i)
      copy_box(at, d + 1, from + i * from_step, slot + (first + i) * slot_step);
  }

  const RowTarget& target_;
  hid_t dataset_;
  const FileBytes& file_;
  const std::vector<int64_t>& shape_;
  const std::vector<int64_t>& chunk_;
  std::vector<int64_t> grid_;  // chunks along each dimension
  int64_t chunks_a_group_ = 0;
  int64_t chunk_row_bytes_ = 0;
  ChunkFilters filters_;
  std::vector<char> fill_;  // one element
  mutable std::vector<ChunkPlace> places_;
};

}  // namespace

std::unique_ptr<RowAccess> find_chunked_rows(const RowTarget& target, hid_t dataset, const FileBytes& file) {
  if (!target.info.chunked) return nullptr;
  const h5::Handle plan(H5Dget_create_plist(dataset), H5Pclose);
  unsigned edges = 0;
  H5Pget_chunk_opts(plan, &edges);
  // Edge chunks that are not filtered are left to the library.
  if (edges != 0) return nullptr;
  std::vector<ChunkFilter> steps;
  for (int i = 0; i < H5Pget_nfilters(plan); ++i) {
    unsigned flags = 0, config = 0;
    size_t count = 0;
    const auto id =
        H5Pget_filter2(plan, static_cast<unsigned>(i), &flags, &count, nullptr, 0, nullptr, &config);
    if (id == H5Z_FILTER_DEFLATE)
      steps.push_back(ChunkFilter::kDeflate);
    else if (id == H5Z_FILTER_SHUFFLE)
      steps.push_back(ChunkFilter::kShuffle);
    else if (id == H5Z_FILTER_FLETCHER32)
      steps.push_back(ChunkFilter::kFletcher32);
    else
      return nullptr;
  }
  if (std::count(steps.begin(), steps.end(), ChunkFilter::kDeflate) > 1) return nullptr;
  return std::make_unique<ChunkedRows>(target, dataset, file, std::move(steps));
}

}  // namespace athanor
