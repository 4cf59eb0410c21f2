// The GPU half goes through c10's device-generic streams and events, so that it compiles without a CUDA
// toolkit.
#include "data/chunk_filler.h"

#include <ATen/ops/empty.h>
#include <c10/core/StreamGuard.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include <algorithm>

namespace athanor {
namespace {

// The slots of "time" lie batch by batch without gaps, from sample `first` of the chunk on.
void append_time(const ChunkSource& source, Chunk& chunk, int64_t first, std::vector<SlotArray>& slots) {
  if (!source.has_time) return;
  if (!chunk.time.defined())
    chunk.time = at::empty({source.layout.batches() * source.batch_samples}, at::kLong);
  constexpr int64_t kBytes = sizeof(int64_t);
  char* base = reinterpret_cast<char*>(chunk.time.mutable_data_ptr<int64_t>()) + first * kBytes;
  slots.push_back({base, kBytes, source.batch_samples, source.batch_samples * kBytes});
}

class HostFiller : public ChunkFiller {
 public:
  explicit HostFiller(const ChunkSource& source) : source_(source) {}

  void fill(Chunk& chunk, std::span<const int64_t> samples) override {
    if (!chunk.block.defined()) {
      chunk.block = host_block(source_.layout.bytes());
      chunk.typed = source_.layout.typed(chunk.block);
    }
    std::vector<SlotArray> slots = source_.layout.slots(static_cast<char*>(chunk.block.mutable_data_ptr()));
    append_time(source_, chunk, 0, slots);
    source_.samples.read(samples, slots, source_.pool);
  }
  void acquire(Chunk& /*chunk*/) override {}
  void release(Chunk& /*chunk*/) override {}

 private:
  ChunkSource source_;
};

class DeviceFiller : public ChunkFiller {
 public:
  DeviceFiller(const ChunkSource& source, const std::vector<TensorSpec>& arrays, int64_t alignment,
               int64_t stage_batches, at::Device device)
      : source_(source),
        device_(device),
        guard_(device.type()),
        side_(guard_.getStreamFromGlobalPool(device)),
        stage_layout_(arrays, source.batch_samples, stage_batches, alignment) {}

  void fill(Chunk& chunk, std::span<const int64_t> samples) override {
    const c10::StreamGuard on_side(side_);
    if (!chunk.block.defined()) allocate(chunk);
    chunk.released->block(side_);
    const int64_t stage_samples = stage_layout_.batches() * source_.batch_samples;
    const auto count = static_cast<int64_t>(samples.size());
    for (int64_t first = 0; first < count; first += stage_samples) {
      const int64_t some = std::min(stage_samples, count - first);
      fill_stage(chunk, samples.subspan(static_cast<size_t>(first), static_cast<size_t>(some)), first);
    }
    chunk.copied->record(side_);
  }

  void acquire(Chunk& chunk) override { chunk.copied->block(guard_.getStream(device_)); }
  void release(Chunk& chunk) override { chunk.released->record(guard_.getStream(device_)); }

 private:
  struct Stage {
    at::Tensor block;
    std::optional<c10::Event> copied;
  };

  void allocate(Chunk& chunk) {
    const auto bytes = at::TensorOptions(at::kByte);
    chunk.block = at::empty({source_.layout.bytes()}, bytes.device(device_));
    chunk.typed = source_.layout.typed(chunk.block);
    chunk.copied.emplace(device_.type());
    chunk.released.emplace(device_.type());
  }

  void fill_stage(Chunk& chunk, std::span<const int64_t> samples, int64_t first) {
    Stage& stage = stages_[next_stage_];
    next_stage_ = 1 - next_stage_;
    if (!stage.block.defined()) {
      stage.block = at::empty({stage_layout_.bytes()}, at::TensorOptions(at::kByte).pinned_memory(true));
      stage.copied.emplace(device_.type());
    }
    stage.copied->synchronize();
    std::vector<SlotArray> slots = stage_layout_.slots(static_cast<char*>(stage.block.mutable_data_ptr()));
    append_time(source_, chunk, first, slots);
    source_.samples.read(samples, slots, source_.pool);
    const int64_t first_batch = first / source_.batch_samples;
    const auto count = static_cast<int64_t>(samples.size());
    const int64_t batches = (count + source_.batch_samples - 1) / source_.batch_samples;
    for (size_t array = 0; array < stage_layout_.arrays(); ++array) {
      const auto [from, bytes] = stage_layout_.batch_range(array, 0, batches);
      const int64_t to = source_.layout.batch_range(array, first_batch, batches).first;
      chunk.block.narrow(0, to, bytes).copy_(stage.block.narrow(0, from, bytes), /*non_blocking=*/true);
    }
    stage.copied->record(side_);
  }

  ChunkSource source_;
  at::Device device_;
  c10::impl::VirtualGuardImpl guard_;
  c10::Stream side_;
  ChunkLayout stage_layout_;
  Stage stages_[2];
  int next_stage_ = 0;
};

}  // namespace

std::unique_ptr<ChunkFiller> make_host_filler(const ChunkSource& source) {
  return std::make_unique<HostFiller>(source);
}

std::unique_ptr<ChunkFiller> make_device_filler(const ChunkSource& source,
                                                const std::vector<TensorSpec>& arrays, int64_t alignment,
                                                int64_t stage_batches, at::Device device) {
  return std::make_unique<DeviceFiller>(source, arrays, alignment, stage_batches, device);
}

}  // namespace athanor
