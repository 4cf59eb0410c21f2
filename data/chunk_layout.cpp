#include "data/chunk_layout.h"

#include <ATen/ops/as_strided.h>
#include <ATen/ops/from_blob.h>
#include <sys/mman.h>

#include <cassert>
#include <cstdlib>
#include <new>

namespace athanor {
namespace {

constexpr int64_t kHugePage = 2 << 20;

int64_t round_up(int64_t value, int64_t unit) { return (value + unit - 1) / unit * unit; }

}  // namespace

int64_t sample_bytes(const TensorSpec& spec) {
  int64_t bytes = static_cast<int64_t>(c10::elementSize(spec.dtype));
  for (const int64_t extent : spec.shape) bytes *= extent;
  return bytes;
}

ChunkLayout::ChunkLayout(const std::vector<TensorSpec>& arrays, int64_t batch_samples, int64_t batches,
                         int64_t alignment)
    : batch_samples_(batch_samples), batches_(batches) {
  for (const TensorSpec& spec : arrays) {
    Array array{spec, {}, static_cast<int64_t>(c10::elementSize(spec.dtype)), sample_bytes(spec), 0, bytes_};
    array.batch_stride_bytes = round_up(batch_samples * array.sample_bytes, alignment);
    int64_t stride = 1;
    for (size_t d = spec.shape.size(); d-- > 0; stride *= spec.shape[d])
      array.strides.insert(array.strides.begin(), stride);
    array.strides.insert(array.strides.begin(), stride);
    bytes_ = round_up(bytes_ + batches * array.batch_stride_bytes, kBatchAlignment);
    arrays_.push_back(std::move(array));
  }
}

std::vector<SlotArray> ChunkLayout::slots(char* base) const {
  std::vector<SlotArray> slots;
  for (const Array& array : arrays_)
    slots.push_back({base + array.offset, array.sample_bytes, batch_samples_, array.batch_stride_bytes});
  return slots;
}

std::pair<int64_t, int64_t> ChunkLayout::batch_range(size_t array, int64_t first, int64_t count) const {
  const Array& of = arrays_[array];
  return {of.offset + first * of.batch_stride_bytes, count * of.batch_stride_bytes};
}

std::vector<at::Tensor> ChunkLayout::typed(const at::Tensor& block) const {
  std::vector<at::Tensor> typed;
  for (const Array& array : arrays_) typed.push_back(block.view(array.spec.dtype));
  return typed;
}

at::Tensor ChunkLayout::view(const std::vector<at::Tensor>& typed, size_t array, int64_t batch,
                             int64_t samples) const {
  assert(batch < batches_ && samples <= batch_samples_);
  const Array& of = arrays_[array];
  c10::SmallVector<int64_t, 5> sizes{samples};
  sizes.append(of.spec.shape.begin(), of.spec.shape.end());
  const int64_t offset = (of.offset + batch * of.batch_stride_bytes) / of.element_bytes;
  return at::as_strided(typed[array], sizes, of.strides, offset);
}

at::Tensor host_block(int64_t bytes) {
  const int64_t whole =
      round_up(std::max<int64_t>(bytes, 1), bytes < kHugePage ? kBatchAlignment : kHugePage);
  const auto alignment = static_cast<size_t>(bytes < kHugePage ? kBatchAlignment : kHugePage);
  void* memory = std::aligned_alloc(alignment, static_cast<size_t>(whole));
  if (memory == nullptr) throw std::bad_alloc();
  if (bytes >= kHugePage) madvise(memory, static_cast<size_t>(whole), MADV_HUGEPAGE);
  return at::from_blob(
      memory, {round_up(bytes, 8)}, [](void* block) { std::free(block); }, at::kByte);
}

}  // namespace athanor
