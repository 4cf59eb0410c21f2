#include "data/chunk_loader.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/equal.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <cstring>
#include <set>
#include <thread>

#include "data/sample_order.h"
#include "src/core/device.h"
#include "src/core/error.h"
#include "src/core/thread_pool.h"

using namespace athanor;
using Catch::Matchers::Contains;

namespace {

constexpr int64_t kT = 7, kF = 3;  // 84 bytes a sample: batches need padding to stay aligned

struct Watch {
  std::atomic<int64_t> read{0};  // samples, so far
  std::atomic<int64_t> fail_at_sample{-1};
  std::atomic<int> delay_ms{0};
};

// Sample s holds x[t][f] = 100 s + 10 t + f, label s, time 60 s.
class CountingSource : public SampleSource {
 public:
  CountingSource(int64_t size, Watch* watch, int64_t together = 1)
      : size_(size), watch_(watch), together_(together) {}
  int64_t size() const override { return size_; }
  const std::vector<TensorSpec>& arrays() const override { return arrays_; }
  int64_t samples_together() const override { return together_; }
  void read(std::span<const int64_t> samples, const std::vector<SlotArray>& slots,
            ThreadPool& pool) const override {
    std::this_thread::sleep_for(std::chrono::milliseconds(watch_->delay_ms));
    pool.parallel_for(static_cast<int64_t>(samples.size()), [&](int64_t j) {
      const int64_t s = samples[static_cast<size_t>(j)];
      if (s == watch_->fail_at_sample) throw Error({.where = "source", .what = "broken sample"});
      float x[kT * kF];
      for (int64_t i = 0; i < kT * kF; ++i) x[i] = static_cast<float>(100 * s + 10 * (i / kF) + i % kF);
      const int64_t time = 60 * s;
      std::memcpy(slots[0].slot(j), x, sizeof x);
      std::memcpy(slots[1].slot(j), &s, sizeof s);
      std::memcpy(slots[2].slot(j), &time, sizeof time);
      ++watch_->read;
    });
  }

 private:
  int64_t size_;
  Watch* watch_;
  int64_t together_;
  std::vector<TensorSpec> arrays_ = {
      {"x", {kT, kF}, at::kFloat}, {"label", {}, at::kLong}, {"time", {}, at::kLong}};
};

DataSpec spec() {
  DataSpec out;
  out.inputs = {{"x", {kT, kF}, at::kFloat}};
  out.labels = {{"label", {}, at::kLong}};
  return out;
}

LoaderOptions options(int64_t batch_size, const std::string& order = "shuffled") {
  LoaderOptions out;
  out.batch_size = batch_size;
  out.order = order;
  out.shuffle_block = 32;
  return out;
}

double gib_of_batches(int64_t batches, int64_t batch_size) {
  return static_cast<double>(batches * (batch_size * (kT * kF * 4 + 8) + 2 * 64)) / (1 << 30);
}

struct Read {
  std::vector<Batch> batches;  // copies
  at::Tensor x, labels;
};

Read read_rest(ChunkDataLoader& loader) {
  Read out;
  std::vector<at::Tensor> x, labels;
  while (auto batch = loader.next()) {
    for (auto& [name, tensor] : batch->inputs) tensor = tensor.clone();
    for (auto& [name, tensor] : batch->labels) tensor = tensor.clone();
    batch->time = batch->time.clone();
    x.push_back(batch->inputs.at("x"));
    labels.push_back(batch->labels.at("label"));
    out.batches.push_back(*batch);
  }
  if (!x.empty()) out.x = at::cat(x);
  if (!x.empty()) out.labels = at::cat(labels);
  return out;
}

std::unique_ptr<ChunkDataLoader> make_loader(int64_t samples, const LoaderOptions& with, Watch& watch,
                                             uint64_t seed = 5, at::Device device = at::kCPU) {
  return std::make_unique<ChunkDataLoader>(std::make_unique<CountingSource>(samples, &watch), spec(), with,
                                           seed, device);
}

Read read_epoch(int64_t samples, const LoaderOptions& with, int64_t epoch, uint64_t seed = 5) {
  Watch watch;
  const auto loader = make_loader(samples, with, watch, seed);
  loader->start_epoch(epoch);
  return read_rest(*loader);
}

std::vector<int64_t> values(const at::Tensor& tensor) {
  return {tensor.data_ptr<int64_t>(), tensor.data_ptr<int64_t>() + tensor.numel()};
}

}  // namespace

CATCH_TEST_CASE("loader: batches depend on seed and epoch alone, not on threads, chunks or prefetching",
                "[unit]") {
  for (const char* order : {"shuffled", "sequential", "streams"}) {
    const Read reference = read_epoch(203, options(16, order), 3);
    for (const int64_t threads : {0, 1, 4})
      for (const int64_t chunk_batches : {0, 1, 3, 5})
        for (const bool prefetch : {false, true}) {
          LoaderOptions other = options(16, order);
          other.threads = threads;
          other.prefetch = prefetch;
          if (chunk_batches > 0) other.chunk_gb = gib_of_batches(chunk_batches, 16);
          const Read read = read_epoch(203, other, 3);
          CATCH_INFO(order << ", " << threads << " threads, " << chunk_batches << " batches a chunk");
          CATCH_REQUIRE(read.batches.size() == reference.batches.size());
          CATCH_CHECK(at::equal(read.x, reference.x));
          CATCH_CHECK(at::equal(read.labels, reference.labels));
        }
  }
}

CATCH_TEST_CASE("loader: a shuffled epoch holds every sample once, in an order of its own", "[unit]") {
  const Read first = read_epoch(203, options(16), 0);
  std::set<int64_t> seen;
  for (const int64_t sample : values(first.labels)) seen.insert(sample);
  CATCH_CHECK(seen.size() == 203);
  CATCH_CHECK(first.labels.numel() == 203);
  CATCH_CHECK(first.batches.back().size == 203 % 16);
  CATCH_CHECK_FALSE(at::equal(first.labels, read_epoch(203, options(16), 1).labels));
  CATCH_CHECK_FALSE(at::equal(first.labels, read_epoch(203, options(16), 0, 6).labels));
  CATCH_CHECK(at::equal(first.labels, read_epoch(203, options(16), 0).labels));
}

CATCH_TEST_CASE("loader: inputs, labels and time of a batch belong to the same samples", "[unit]") {
  for (const Batch& batch : read_epoch(50, options(16), 0).batches) {
    const auto samples = values(batch.labels.at("label"));
    const auto times = values(batch.time);
    CATCH_REQUIRE(batch.inputs.at("x").sizes() == at::IntArrayRef({batch.size, kT, kF}));
    for (size_t i = 0; i < samples.size(); ++i) {
      CATCH_CHECK(times[i] == 60 * samples[i]);
      const at::Tensor x = batch.inputs.at("x")[static_cast<int64_t>(i)];
      CATCH_CHECK(x[6][2].item<float>() == static_cast<float>(100 * samples[i] + 62));
    }
  }
}

CATCH_TEST_CASE("loader: shuffled samples stay within their block", "[unit]") {
  const std::vector<int64_t> order = sample_order(100, options(10), 1, 0);
  for (size_t i = 0; i < 96; i += 32) {
    std::set<int64_t> blocks;
    for (size_t j = i; j < i + 4; ++j) blocks.insert(order[j] / 32);
    CATCH_CHECK(blocks.size() <= 2);
  }
  LoaderOptions one_block = options(10);
  one_block.shuffle_block = 0;
  const std::vector<int64_t> mixed = sample_order(1000, one_block, 1, 0);
  CATCH_CHECK(*std::max_element(mixed.begin(), mixed.begin() + 30) > 500);
}

CATCH_TEST_CASE("loader: an epoch taken up in its middle gives the same remaining batches, unread before",
                "[unit]") {
  for (const char* order : {"shuffled", "sequential", "streams"})
    for (const int64_t first : {0, 1, 5, 12}) {
      LoaderOptions with = options(16, order);
      with.chunk_gb = gib_of_batches(4, 16);
      Watch watch;
      const auto whole = make_loader(203, with, watch);
      whole->start_epoch(2);
      const Read all = read_rest(*whole);
      watch.read = 0;
      const auto resumed = make_loader(203, with, watch);
      resumed->start_epoch(2, first);
      const Read rest = read_rest(*resumed);
      CATCH_INFO(order << " from batch " << first);
      const auto left = static_cast<int64_t>(all.batches.size()) - first;
      CATCH_REQUIRE(static_cast<int64_t>(rest.batches.size()) == left);
      CATCH_CHECK(watch.read == (left == 0 ? 0 : rest.labels.numel()));
      if (left == 0) continue;
      CATCH_CHECK(rest.batches.front().index == first);
      CATCH_CHECK(rest.batches.front().follows_previous ==
                  all.batches[static_cast<size_t>(first)].follows_previous);
      CATCH_CHECK(at::equal(rest.x, all.x.narrow(0, first * 16, rest.x.size(0))));
    }
}

CATCH_TEST_CASE("loader: drop_last leaves out the batch that is not full", "[unit]") {
  LoaderOptions with = options(16);
  with.drop_last = true;
  const Read read = read_epoch(203, with, 0);
  CATCH_CHECK(read.batches.size() == 12);
  for (const Batch& batch : read.batches) CATCH_CHECK(batch.size == 16);
  CATCH_CHECK(read_epoch(208, with, 0).batches.size() == 13);
}

CATCH_TEST_CASE("loader: streams continue row by row from batch to batch", "[unit]") {
  const Read read = read_epoch(43, options(8, "streams"), 0);
  CATCH_REQUIRE(read.batches.size() == 5);
  for (size_t b = 0; b < read.batches.size(); ++b) {
    CATCH_CHECK(read.batches[b].follows_previous == (b > 0));
    const auto samples = values(read.batches[b].labels.at("label"));
    for (size_t i = 0; i < samples.size(); ++i) CATCH_CHECK(samples[i] == static_cast<int64_t>(i * 5 + b));
  }
  for (const Batch& batch : read_epoch(43, options(8, "sequential"), 0).batches)
    CATCH_CHECK_FALSE(batch.follows_previous);
}

CATCH_TEST_CASE("loader: batches are aligned views of the chunk, not copies", "[unit]") {
  Watch watch;
  LoaderOptions with = options(5);
  with.chunk_gb = gib_of_batches(4, 5);
  const auto loader = make_loader(60, with, watch);
  loader->start_epoch(0);
  std::set<const void*> chunks;
  while (auto batch = loader->next())
    for (const at::Tensor& tensor : {batch->inputs.at("x"), batch->labels.at("label")}) {
      const auto* data = static_cast<const char*>(tensor.data_ptr());
      const auto* chunk = static_cast<const char*>(tensor.storage().data());
      CATCH_CHECK(reinterpret_cast<uintptr_t>(data) % 64 == 0);
      CATCH_CHECK(static_cast<int64_t>(tensor.storage().nbytes()) == loader->chunk_bytes());
      CATCH_CHECK((data >= chunk && data + tensor.nbytes() <= chunk + loader->chunk_bytes()));
      chunks.insert(chunk);
    }
  CATCH_CHECK(chunks.size() == 2);
}

CATCH_TEST_CASE("loader: a split that fits one chunk and keeps its order is read once for all epochs",
                "[unit]") {
  Watch watch;
  const auto loader = make_loader(60, options(16, "sequential"), watch);
  loader->start_epoch(0);
  const Read first = read_rest(*loader);
  loader->start_epoch(1);
  const Read second = read_rest(*loader);
  CATCH_CHECK(watch.read == 60);
  CATCH_CHECK(at::equal(first.x, second.x));
}

CATCH_TEST_CASE("loader: the reader's exception reaches next(), after the batches that were read", "[unit]") {
  for (const bool prefetch : {false, true}) {
    Watch watch;
    watch.fail_at_sample = 40;
    LoaderOptions with = options(10, "sequential");
    with.prefetch = prefetch;
    with.chunk_gb = gib_of_batches(2, 10);
    const auto loader = make_loader(80, with, watch);
    loader->start_epoch(0);
    for (int i = 0; i < 4; ++i) CATCH_REQUIRE(loader->next().has_value());
    CATCH_CHECK_THROWS_WITH(loader->next(), Contains("broken sample"));
    CATCH_CHECK_THROWS_WITH(loader->next(), Contains("broken sample"));
    watch.fail_at_sample = -1;
    loader->start_epoch(0);
    CATCH_CHECK(read_rest(*loader).batches.size() == 8);
  }
}

CATCH_TEST_CASE("loader: epochs may be abandoned and the loader destroyed while it reads", "[unit]") {
  for (int round = 0; round < 20; ++round) {
    Watch watch;
    watch.delay_ms = 2;
    LoaderOptions with = options(8);
    with.chunk_gb = gib_of_batches(2, 8);
    const auto loader = make_loader(100, with, watch);
    for (int64_t epoch = 0; epoch < 4; ++epoch) {
      loader->start_epoch(epoch);
      for (int64_t i = 0; i < epoch; ++i) loader->next();
    }
    loader->start_epoch(7);
    if (round % 2 == 0) continue;
    CATCH_CHECK(at::equal(read_rest(*loader).labels, read_epoch(100, options(8), 7).labels));
  }
}

CATCH_TEST_CASE("loader: the next chunk is read while this one is in use", "[unit]") {
  Watch watch;
  LoaderOptions with = options(10, "sequential");
  with.chunk_gb = gib_of_batches(2, 10);
  const auto loader = make_loader(100, with, watch);
  loader->start_epoch(0);
  loader->next();
  for (int i = 0; i < 500 && watch.read < 40; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(2));
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  CATCH_CHECK(watch.read == 40);  // two chunks in flight, no more
}

CATCH_TEST_CASE("loader: chunks are never larger than the data, and a batch that does not fit is refused",
                "[unit]") {
  Watch watch;
  const auto loader = make_loader(60, options(16), watch);
  CATCH_CHECK(loader->chunk_bytes() < 60 * (kT * kF * 4 + 8) + 16 * 100 + 4 * 128);
  LoaderOptions tiny = options(16);
  tiny.chunk_gb = 1e-7;
  CATCH_CHECK_THROWS_WITH(make_loader(60, tiny, watch),
                          Contains("data.chunk_gb") && Contains("does not fit"));
  LoaderOptions no_batch = options(128, "streams");
  CATCH_CHECK_THROWS_WITH(make_loader(60, no_batch, watch), Contains("data.batch_size"));
  const auto empty = make_loader(0, options(16), watch);
  empty->start_epoch(0);
  CATCH_CHECK_FALSE(empty->next().has_value());
}

CATCH_TEST_CASE("loader: samples that are compressed together get a chunk of a whole shuffle block",
                "[unit]") {
  if (device_memory(at::kCPU).free_bytes < (int64_t{4} << 30)) {
    CATCH_WARN("skipped: needs 4 GiB of free memory");
    return;
  }
  Watch watch;
  LoaderOptions with = options(1000);
  with.shuffle_block = 5'000'000;
  const int64_t samples = 10'000'000;
  const ChunkDataLoader apart(std::make_unique<CountingSource>(samples, &watch), spec(), with, 1, at::kCPU);
  const ChunkDataLoader together(std::make_unique<CountingSource>(samples, &watch, 64), spec(), with, 1,
                                 at::kCPU);
  CATCH_CHECK(apart.chunk_bytes() <= 256 << 20);
  CATCH_CHECK(together.chunk_bytes() > 5'000'000 * 90);
}

CATCH_TEST_CASE("loader: on a GPU the batches equal those of the CPU", "[gpu]") {
  if (!open_cuda_library()) {
    CATCH_WARN("skipped: no GPU here");
    return;
  }
  const at::Device gpu = resolve_device("cuda");
  for (const char* order : {"shuffled", "sequential", "streams"})
    for (const int64_t chunk_batches : {0, 3}) {  // 0: the split stays on the GPU
      LoaderOptions with = options(16, order);
      if (chunk_batches > 0) with.chunk_gb = gib_of_batches(chunk_batches, 16);
      Watch watch;
      const auto loader = make_loader(203, with, watch, 5, gpu);
      for (int64_t epoch = 0; epoch < 2; ++epoch) {
        loader->start_epoch(epoch);
        const Read read = read_rest(*loader), reference = read_epoch(203, with, epoch);
        CATCH_INFO(order << ", epoch " << epoch << ", " << chunk_batches << " batches a chunk");
        CATCH_REQUIRE(read.x.device().is_cuda());
        CATCH_CHECK(at::equal(read.x.cpu(), reference.x));
        CATCH_CHECK(at::equal(read.labels.cpu(), reference.labels));
        CATCH_CHECK(read.batches.front().time.device().is_cpu());
      }
      if (chunk_batches == 0) CATCH_CHECK(watch.read == 203);
    }
}
