#include "data/chunk_loader.h"

#include <ATen/Context.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/index_select.h>

#include <algorithm>
#include <cassert>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <thread>

#include "data/chunk_filler.h"
#include "data/chunk_layout.h"
#include "data/sample_order.h"
#include "src/core/device.h"
#include "src/core/error.h"
#include "src/core/text.h"
#include "src/core/thread_pool.h"

namespace athanor {
namespace {

constexpr int64_t kGiB = int64_t{1} << 30;
// In RAM a larger chunk does not read faster; it only delays the first batch. Compressed data wants a chunk
// that holds a whole shuffle block, or each of its pieces is inflated once a chunk.
constexpr int64_t kHostChunkBytes = kGiB / 4;
constexpr int64_t kMostHostChunkBytes = kGiB;
// Chunks in flight: the one in use and those read ahead. Slow samples differ in what they
// take, so more of them.
constexpr int64_t kInFlight = 2, kSlowInFlight = 4;

using Order = std::vector<int64_t>;

struct Plan {
  int64_t batch_samples = 0;
  int64_t batches = 0;  // of an epoch
  int64_t chunk_batches = 0;
  int64_t stage_batches = 0;  // GPU: of a pinned block
  int64_t chunks = 0;         // in flight
  bool resident = false;      // GPU: the whole split stays there, batches are gathered by index
};

int64_t default_host_bytes(const SampleSource& source, const LoaderOptions& options, int64_t batch_bytes) {
  if (source.samples_together() == 1 || options.order != "shuffled") return kHostChunkBytes;
  const int64_t block = options.shuffle_block == 0 ? source.size() : options.shuffle_block;
  return std::clamp(block / options.batch_size * batch_bytes, kHostChunkBytes, kMostHostChunkBytes);
}

Plan make_plan(const SampleSource& source, const std::vector<TensorSpec>& arrays,
               const LoaderOptions& options, at::Device device) {
  Plan plan;
  plan.batches = batch_count(source.size(), options);
  if (plan.batches == 0 && source.size() > 0)
    throw usage_error({.where = "data.batch_size",
                       .what = "no batch can be filled",
                       .expected = text("at most ", source.size(), " (the samples of the split)"),
                       .got = text(options.batch_size)});
  plan.batch_samples = std::max<int64_t>(1, std::min(options.batch_size, source.size()));
  const int64_t whole = (source.size() + plan.batch_samples - 1) / plan.batch_samples;
  const int64_t batch_bytes = ChunkLayout(arrays, plan.batch_samples, 1).bytes();
  const int64_t host_bytes = default_host_bytes(source, options, batch_bytes);
  const int64_t all_bytes = ChunkLayout(arrays, plan.batch_samples, whole).bytes();
  const Memory memory = device_memory(device);
  const auto total = static_cast<int64_t>(options.memory_fraction * static_cast<double>(memory.free_bytes));
  const bool slow = source.slow_to_read();
  const int64_t in_flight = !options.prefetch ? 1 : slow ? kSlowInFlight : kInFlight;
  int64_t chunk_bytes = device.is_cpu() ? std::min(host_bytes, total / in_flight) : total / in_flight;
  if (options.chunk_gb > 0)
    chunk_bytes = static_cast<int64_t>(options.chunk_gb * static_cast<double>(kGiB));
  else if (!device.is_cpu() && all_bytes <= total && !slow)
    plan.resident = true;
  if (batch_bytes > chunk_bytes && !plan.resident)
    throw usage_error({.where = options.chunk_gb > 0 ? "data.chunk_gb" : "data.batch_size",
                       .what = "a batch does not fit into a chunk",
                       .expected = text("at most ", bytes_text(chunk_bytes), " a batch"),
                       .got = text(bytes_text(batch_bytes), " (", plan.batch_samples, " samples)"),
                       .hint = options.chunk_gb > 0 ? "raise data.chunk_gb" : "lower data.batch_size"});
  plan.chunk_batches = plan.resident ? whole : std::min(plan.batches, chunk_bytes / batch_bytes);
  if (slow) plan.chunk_batches = std::min<int64_t>(plan.chunk_batches, 1);
  plan.stage_batches =
      std::clamp<int64_t>(host_bytes / batch_bytes, 1, std::max<int64_t>(1, plan.chunk_batches));
  const int64_t per_chunk = std::max<int64_t>(1, plan.chunk_batches);
  plan.chunks = std::clamp<int64_t>((plan.batches + per_chunk - 1) / per_chunk, 1, in_flight);
  return plan;
}

std::vector<TensorSpec> moved_arrays(const SampleSource& source, const DataSpec& spec) {
  const std::vector<TensorSpec>& all = source.arrays();
  const size_t moved = spec.inputs.size() + spec.labels.size();
  assert(all.size() == moved || all.size() == moved + 1);
  return {all.begin(), all.begin() + static_cast<std::ptrdiff_t>(moved)};
}

}  // namespace

// The reader thread and the consumer meet in `mutex`. A chunk is free, being filled, ready (in `ready`), or
// in use
// (`current`); start_epoch begins a new generation, and chunks read for an older one go back to free.
struct ChunkDataLoader::State {
  struct Held : Chunk {
    int64_t order_key = -1;  // what it holds: batches [first, first+batches) of that order
    int64_t first = 0, batches = 0;
    bool free = true;
    bool holds(int64_t key, int64_t batch) const {
      return order_key == key && batch >= first && batch < first + batches;
    }
  };

  std::unique_ptr<SampleSource> source;
  LoaderOptions options;
  uint64_t seed;
  at::Device device;
  std::vector<std::string> inputs, labels;
  std::vector<TensorSpec> arrays;  // inputs and labels; time stays on the CPU
  bool has_time;
  Plan plan;
  ChunkLayout layout;
  ThreadPool pool;
  std::unique_ptr<ChunkFiller> filler;
  std::vector<Held> chunks;

  std::mutex mutex;
  std::condition_variable changed;
  std::shared_ptr<const Order> order;
  int64_t order_key = -1;
  uint64_t generation = 0;
  int64_t next_read = 0;  // first batch that no chunk has been begun for
  std::deque<Held*> ready;
  std::exception_ptr error;
  bool ending = false;
  std::thread reader;

  Held* current = nullptr;
  int64_t batch = 0;
  std::chrono::steady_clock::duration waited{};
  at::Tensor host_order, device_order;  // [N] i64, where the split is resident

  State(std::unique_ptr<SampleSource> from, const DataSpec& spec, const LoaderOptions& wanted,
        uint64_t with_seed, at::Device on)
      : source(std::move(from)),
        options(wanted),
        seed(with_seed),
        device(on),
        arrays(moved_arrays(*source, spec)),
        has_time(source->arrays().size() > arrays.size()),
        plan(make_plan(*source, arrays, options, device)),
        layout(arrays, plan.batch_samples, plan.chunk_batches, alignment()),
        pool(static_cast<int>(options.reading_threads() - 1)),
        chunks(static_cast<size_t>(plan.chunks)) {
    for (const TensorSpec& input : spec.inputs) inputs.push_back(input.name);
    for (const TensorSpec& label : spec.labels) labels.push_back(label.name);
    const ChunkSource reads{*source, layout, plan.batch_samples, has_time, pool};
    if (device.is_cpu()) {
      filler = make_host_filler(reads);
    } else {
      at::globalContext().lazyInitDevice(device.type());
      filler = make_device_filler(reads, arrays, alignment(), plan.stage_batches, device);
    }
  }

  ~State() {
    {
      const std::lock_guard lock(mutex);
      ending = true;
    }
    changed.notify_all();
    if (reader.joinable()) reader.join();
  }

  // A resident split is gathered by sample: no gaps between batches there.
  int64_t alignment() const { return plan.resident ? 1 : kBatchAlignment; }

  // Orders that do not change with the epoch share a key, so that a chunk that holds them is not read again.
  int64_t key_of(int64_t epoch) const { return options.order == "shuffled" && !plan.resident ? epoch : 0; }

  void start(int64_t epoch, int64_t first_batch) {
    if (plan.resident) upload_order(epoch);
    Order wanted = plan.resident ? sequential() : sample_order(source->size(), options, seed, epoch);
    leave_current();
    const std::lock_guard lock(mutex);
    for (Held* chunk : ready) chunk->free = true;
    ready.clear();
    order = std::make_shared<const Order>(std::move(wanted));
    order_key = key_of(epoch);
    ++generation;
    batch = first_batch;
    next_read = plan.resident ? 0 : first_batch;
    error = nullptr;
    if (options.prefetch && !reader.joinable()) reader = std::thread([this] { run_reader(); });
    changed.notify_all();
  }

  Order sequential() const {
    LoaderOptions plain = options;
    plain.order = "sequential";
    plain.drop_last = false;
    return sample_order(source->size(), plain, seed, 0);
  }

  // --- reading
  // ----------------------------------------------------------------------------------------------

  struct Request {
    Held* chunk = nullptr;
    std::shared_ptr<const Order> order;
    uint64_t generation = 0;
    bool held = false;  // the chunk holds these batches already
  };

  bool anything_to_read() const { return order != nullptr && error == nullptr && next_read < plan.batches; }

  Held* find_free() {
    for (Held& chunk : chunks)
      if (chunk.free && chunk.holds(order_key, next_read)) return &chunk;
    for (Held& chunk : chunks)
      if (chunk.free) return &chunk;
    return nullptr;
  }

  // Takes a free chunk and the next run of batches; the mutex is held.
  Request begin_read() {
    Request request{find_free(), order, generation, false};
    Held& chunk = *request.chunk;
    chunk.free = false;
    request.held = chunk.holds(order_key, next_read);
    if (!request.held) {
      chunk.order_key = order_key;
      chunk.first = next_read;
      chunk.batches = std::min(plan.chunk_batches, plan.batches - next_read);
    }
    next_read = chunk.first + chunk.batches;
    return request;
  }

  void read(const Request& request) {
    if (request.held) return;
    const Held& chunk = *request.chunk;
    const auto count = static_cast<int64_t>(request.order->size());
    const int64_t begin = chunk.first * plan.batch_samples;
    const int64_t end = plan.resident ? count : std::min(count, begin + chunk.batches * plan.batch_samples);
    filler->fill(
        *request.chunk,
        std::span(*request.order).subspan(static_cast<size_t>(begin), static_cast<size_t>(end - begin)));
  }

  void run_reader() {
    std::unique_lock lock(mutex);
    for (;;) {
      changed.wait(lock, [&] { return ending || (anything_to_read() && find_free() != nullptr); });
      if (ending) return;
      const Request request = begin_read();
      lock.unlock();
      std::exception_ptr failure;
      try {
        read(request);
      } catch (...) {
        failure = std::current_exception();
      }
      lock.lock();
      finish_read(request, failure);
      changed.notify_all();
    }
  }

  void finish_read(const Request& request, const std::exception_ptr& failure) {
    if (failure) request.chunk->order_key = -1;
    const bool wanted = request.generation == generation && !failure;
    request.chunk->free = !wanted;
    if (wanted) ready.push_back(request.chunk);
    if (failure && request.generation == generation) error = failure;
  }

  // --- handing out
  // ------------------------------------------------------------------------------------------

  void leave_current() {
    if (current == nullptr) return;
    filler->release(*current);
    const std::lock_guard lock(mutex);
    current->free = true;
    current = nullptr;
    changed.notify_all();
  }

  void take_chunk() {
    leave_current();
    const auto begin = std::chrono::steady_clock::now();
    if (!options.prefetch && error == nullptr) {
      const Request request = begin_read();
      std::exception_ptr failure;
      try {
        read(request);
      } catch (...) {
        failure = std::current_exception();
      }
      finish_read(request, failure);
    }
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return !ready.empty() || error != nullptr; });
    if (ready.empty()) std::rethrow_exception(error);
    current = ready.front();
    ready.pop_front();
    lock.unlock();
    waited += std::chrono::steady_clock::now() - begin;
    filler->acquire(*current);
  }

  int64_t batch_size(int64_t index) const {
    return std::min(plan.batch_samples, source->size() - index * plan.batch_samples);
  }

  std::optional<Batch> next() {
    assert(order != nullptr && "start_epoch() comes first");
    if (batch >= plan.batches) return std::nullopt;
    if (current == nullptr || batch >= current->first + current->batches) take_chunk();
    Batch out;
    out.index = batch;
    out.size = batch_size(batch);
    out.samples = batch_samples(out.size);
    out.follows_previous = options.order == "streams" && batch > 0;
    for (size_t i = 0; i < inputs.size(); ++i) out.inputs.set(inputs[i], batch_tensor(i, out.size));
    for (size_t i = 0; i < labels.size(); ++i)
      out.labels.set(labels[i], batch_tensor(inputs.size() + i, out.size));
    if (has_time) out.time = batch_time(out.size);
    ++batch;
    return out;
  }

  at::Tensor batch_tensor(size_t array, int64_t size) const {
    if (!plan.resident) return layout.view(current->typed, array, batch - current->first, size);
    const auto [offset, length] = layout.batch_range(array, 0, layout.batches());
    c10::SmallVector<int64_t, 5> shape{-1};
    shape.append(arrays[array].shape.begin(), arrays[array].shape.end());
    const at::Tensor all = current->block.narrow(0, offset, length).view(arrays[array].dtype).view(shape);
    return all.index_select(0, device_order.narrow(0, batch * plan.batch_samples, size));
  }

  std::vector<int64_t> batch_samples(int64_t size) const {
    const int64_t* numbers = plan.resident ? host_order.const_data_ptr<int64_t>() : order->data();
    numbers += batch * plan.batch_samples;
    return {numbers, numbers + size};
  }

  at::Tensor batch_time(int64_t size) const {
    if (!plan.resident) return current->time.narrow(0, (batch - current->first) * plan.batch_samples, size);
    return current->time.index_select(0, host_order.narrow(0, batch * plan.batch_samples, size));
  }

  void upload_order(int64_t epoch) {
    Order samples = sample_order(source->size(), options, seed, epoch);
    const auto count = static_cast<int64_t>(samples.size());
    host_order = at::from_blob(samples.data(), {count}, at::kLong).clone();
    device_order = host_order.to(device);
  }
};

ChunkDataLoader::ChunkDataLoader(std::unique_ptr<SampleSource> source, const DataSpec& spec,
                                 const LoaderOptions& options, uint64_t seed, at::Device device)
    : state_(std::make_unique<State>(std::move(source), spec, options, seed, device)) {}

ChunkDataLoader::~ChunkDataLoader() = default;

void ChunkDataLoader::start_epoch(int64_t epoch, int64_t first_batch) { state_->start(epoch, first_batch); }
std::optional<Batch> ChunkDataLoader::next() { return state_->next(); }
int64_t ChunkDataLoader::samples() const { return state_->source->size(); }
int64_t ChunkDataLoader::batches_per_epoch() const { return state_->plan.batches; }
int64_t ChunkDataLoader::chunk_bytes() const { return state_->layout.bytes(); }
int64_t ChunkDataLoader::chunk_batches() const { return state_->plan.chunk_batches; }
double ChunkDataLoader::waited_s() const { return std::chrono::duration<double>(state_->waited).count(); }

std::string ChunkDataLoader::describe() const {
  const State& state = *state_;
  const std::string where = state.plan.resident
                                ? text("all on ", state.device.str())
                                : text(state.plan.chunks, state.plan.chunks == 1 ? " chunk" : " chunks");
  return text(samples(), " samples, ", batches_per_epoch(), " batches of ", state.plan.batch_samples, ", ",
              state.options.order, "; ", where, " of ", chunk_batches(), " batches (",
              bytes_text(chunk_bytes()), "), ", state.options.reading_threads(),
              state.options.reading_threads() == 1 ? " thread" : " threads");
}

}  // namespace athanor
