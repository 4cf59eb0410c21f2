// The two passes of LstmRun. Time goes in chunks of kChunk steps, layer by layer inside a chunk, so that what
// one layer hands to the next is still in the cache; weight gradients are one matrix product a chunk. With
// `recompute`, activations of one segment of steps are in memory at a time: the forward pass keeps the states
// between segments, the backward pass runs each segment again before it goes back through it.
#include "models/layers/lstm_run.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <cmath>

#include "src/core/error.h"
#include "src/core/random.h"

namespace athanor {
namespace {

constexpr int64_t kChunk = 8;       // steps
constexpr int64_t kBlockRows = 64;  // rows of the batch that one thread takes; fixed, so that sums do not
                                    // depend on the number of threads

int64_t round_up(int64_t value, int64_t multiple) { return (value + multiple - 1) / multiple * multiple; }

// Steps whose activations are in memory together: a multiple of kChunk that makes segments (7 numbers a unit
// and step) and the states kept between them (2 a unit and segment) about equally large.
int64_t held_steps(int64_t steps, bool recompute) {
  if (!recompute) return steps;
  const auto balanced = static_cast<int64_t>(std::sqrt(2.0 / 7 * static_cast<double>(steps)));
  return std::min(steps, round_up(std::max<int64_t>(1, balanced), kChunk));
}

uint64_t draw_seed() {
  at::Generator generator = at::detail::getDefaultCPUGenerator();
  const std::lock_guard lock(generator.mutex());
  return at::check_generator<at::CPUGeneratorImpl>(generator)->random64();
}

}  // namespace

LstmRun::LstmRun(std::vector<LstmBranch>& branches, const FusedLstmOptions& options,
                 std::shared_ptr<LstmWorkspace> workspace)
    : options_(options),
      kernel_(options.kernel),
      batch_(branches[0].x.size(0)),
      workspace_(std::move(workspace)) {
  if (options.dropout > 0) dropout_seed_ = draw_seed();
  int64_t offset = 0;
  for (const LstmBranch& branch : branches) {
    const int64_t features = branch.x.size(2);
    const int64_t steps = branch.x.size(1), held = held_steps(steps, options.recompute);
    branches_.push_back({steps, held, (steps + held - 1) / held, features, round_up(features, kernel_->lanes),
                         branch.x.contiguous(), branch.weights, branch.state});
    for (int64_t row = 0; row < batch_; row += kBlockRows) {
      Task task{.branch = branches_.size() - 1, .first_row = row, .rows = std::min(kBlockRows, batch_ - row)};
      offset = plan_task(task, offset);
      tasks_.push_back(std::move(task));
    }
  }
  // The longest first, so that no thread is left with a long one at the end.
  std::stable_sort(tasks_.begin(), tasks_.end(), [this](const Task& a, const Task& b) {
    return branches_[a.branch].steps * a.rows > branches_[b.branch].steps * b.rows;
  });
  buffer_ = workspace_->take(offset);
  memory_ = buffer_.data_ptr<float>();
  pack_weights();
}

LstmRun::~LstmRun() {
  if (buffer_.defined()) workspace_->give_back(std::move(buffer_));
}

// Gives the task its places from `offset` on; returns the end.
int64_t LstmRun::plan_task(Task& task, int64_t offset) const {
  const Branch& branch = branches_[task.branch];
  const int64_t width = task.rows * options_.hidden, gates = 4 * options_.hidden;
  const auto reserve = [&offset](int64_t floats) {
    const int64_t place = offset;
    offset += round_up(floats, 16);
    return place;
  };
  task.x = reserve(branch.held * task.rows * branch.padded);
  task.dx = reserve(kChunk * width);
  for (int64_t layer = 0; layer < options_.layers; ++layer) {
    LayerMemory memory{};
    memory.gates = reserve(branch.held * 4 * width);
    memory.c = reserve((branch.held + 1) * width);
    memory.h = reserve((branch.held + 1) * width);
    const bool drops = options_.dropout > 0 && layer + 1 < options_.layers;
    memory.dropped = drops ? reserve(branch.held * width) : memory.h + width;
    memory.kept_c = reserve((branch.segments - 1) * width);
    memory.kept_h = reserve((branch.segments - 1) * width);
    memory.dw_x = reserve(gates * (layer == 0 ? branch.padded : options_.hidden));
    memory.dw_h = reserve(gates * options_.hidden);
    memory.db = reserve(gates);
    memory.dh = reserve(width);
    memory.dc = reserve(width);
    task.layers.push_back(memory);
  }
  return offset;
}

// Threads pull tasks as they get free; each task writes to places of its own, so the order does not show.
void LstmRun::each_task(const std::function<void(const Task&)>& body) const {
  workspace_->parallel_for(static_cast<int64_t>(tasks_.size()), [&](int64_t i) { body(tasks_[i]); });
}

DropoutMask LstmRun::mask(const Task& task, int64_t layer, int64_t step) const {
  if (options_.dropout <= 0 || layer + 1 >= options_.layers) return {};
  return {.key = mix_seed(dropout_seed_, task.branch * options_.layers + layer, step),
          .threshold = static_cast<uint32_t>(options_.dropout * 4294967296.0),
          .scale = static_cast<float>(1 / (1 - options_.dropout)),
          .first_row = static_cast<uint32_t>(task.first_row)};
}

int64_t LstmRun::input_width(const Task& task, int64_t layer) const {
  return layer == 0 ? branches_[task.branch].padded : options_.hidden;
}

// Where the layer's input [T,rows,width] lies.
int64_t LstmRun::input_offset(const Task& task, int64_t layer) const {
  return layer == 0 ? task.x : task.layers[layer - 1].dropped;
}

std::vector<at::Tensor> LstmRun::forward() {
  std::vector<at::Tensor> outputs;
  for (const Branch& branch : branches_) {
    if (options_.last_only)
      outputs.push_back(at::empty({batch_, options_.hidden}, at::kFloat));
    else
      outputs.push_back(at::empty({batch_, branch.steps, options_.hidden}, at::kFloat));
  }
  each_task([&](const Task& task) { forward_task(task, outputs[task.branch]); });
  return outputs;
}

void LstmRun::forward_task(const Task& task, const at::Tensor& output) {
  const Branch& branch = branches_[task.branch];
  for (int64_t segment = 0; segment < branch.segments; ++segment) {
    run_segment(task, segment);
    put_out(task, segment, output);
    if (segment + 1 < branch.segments) keep_states(task, segment);
  }
}

void LstmRun::run_segment(const Task& task, int64_t segment) {
  const Branch& branch = branches_[task.branch];
  const int64_t begin = segment * branch.held, end = std::min(branch.steps, begin + branch.held);
  load_input(task, begin, end);
  load_states(task, segment);
  for (int64_t first = begin; first < end; first += kChunk)
    for (int64_t layer = 0; layer < options_.layers; ++layer)
      forward_layer(task, layer, first, std::min(kChunk, end - first));
}

// The last layer's h of the segment's steps, where they are wanted.
void LstmRun::put_out(const Task& task, int64_t segment, const at::Tensor& output) const {
  const Branch& branch = branches_[task.branch];
  const int64_t hidden = options_.hidden, wanted = options_.last_only ? branch.steps - 1 : 0;
  const int64_t begin = std::max(wanted, segment * branch.held),
                end = std::min(branch.steps, (segment + 1) * branch.held);
  const float* h = at(task.layers.back().h) + task.rows * hidden;
  for (int64_t row = 0; row < task.rows; ++row) {
    float* out = output.data_ptr<float>() + (task.first_row + row) * (branch.steps - wanted) * hidden;
    for (int64_t t = begin; t < end; ++t)
      std::copy_n(h + (t % branch.held * task.rows + row) * hidden, hidden, out + (t - wanted) * hidden);
  }
}

// What the next segment begins with.
void LstmRun::keep_states(const Task& task, int64_t segment) const {
  const int64_t width = task.rows * options_.hidden, end = branches_[task.branch].held * width;
  for (const LayerMemory& memory : task.layers) {
    std::copy_n(at(memory.c + end), width, at(memory.kept_c + segment * width));
    std::copy_n(at(memory.h + end), width, at(memory.kept_h + segment * width));
  }
}

// The input of steps [begin, end), time first and padded with zeros.
void LstmRun::load_input(const Task& task, int64_t begin, int64_t end) const {
  const Branch& branch = branches_[task.branch];
  const float* x = branch.x.data_ptr<float>() + task.first_row * branch.steps * branch.features;
  for (int64_t t = begin; t < end; ++t)
    for (int64_t row = 0; row < task.rows; ++row) {
      float* to = at(task.x) + ((t - begin) * task.rows + row) * branch.padded;
      std::copy_n(x + (row * branch.steps + t) * branch.features, branch.features, to);
      std::fill(to + branch.features, to + branch.padded, 0.0f);
    }
}

// The states that the segment begins with.
void LstmRun::load_states(const Task& task, int64_t segment) const {
  const LstmState& state = branches_[task.branch].state;
  const int64_t width = task.rows * options_.hidden;
  for (int64_t layer = 0; layer < options_.layers; ++layer) {
    const LayerMemory& memory = task.layers[layer];
    const int64_t from = (layer * batch_ + task.first_row) * options_.hidden;
    if (segment > 0) {
      std::copy_n(at(memory.kept_h + (segment - 1) * width), width, at(memory.h));
      std::copy_n(at(memory.kept_c + (segment - 1) * width), width, at(memory.c));
    } else if (state.h.defined()) {
      std::copy_n(state.h.data_ptr<float>() + from, width, at(memory.h));
      std::copy_n(state.c.data_ptr<float>() + from, width, at(memory.c));
    } else {
      std::fill_n(at(memory.h), width, 0.0f);
      std::fill_n(at(memory.c), width, 0.0f);
    }
  }
}

void LstmRun::forward_layer(const Task& task, int64_t layer, int64_t first, int64_t count) {
  const PackedLayer& packed = packed_[task.branch * options_.layers + layer];
  const LayerMemory& memory = task.layers[layer];
  const int64_t width = task.rows * options_.hidden, input = input_width(task, layer);
  const bool drops = memory.dropped != memory.h + width;
  for (int64_t t = first; t < first + count; ++t) {
    const int64_t slot = slot_of(task, t);
    kernel_->forward({.rows = task.rows,
                      .input = input,
                      .hidden = options_.hidden,
                      .x = at(input_offset(task, layer) + slot * task.rows * input),
                      .h_before = at(memory.h + slot * width),
                      .c_before = at(memory.c + slot * width),
                      .weights = packed.forward.data(),
                      .bias = packed.bias.data(),
                      .gates = at(memory.gates + slot * 4 * width),
                      .c = at(memory.c + (slot + 1) * width),
                      .h = at(memory.h + (slot + 1) * width),
                      .dropped = drops ? at(memory.dropped + slot * width) : nullptr,
                      .mask = mask(task, layer, t)});
  }
}

LstmState LstmRun::final_state(size_t branch) const {
  LstmState state{at::empty({options_.layers, batch_, options_.hidden}, at::kFloat),
                  at::empty({options_.layers, batch_, options_.hidden}, at::kFloat)};
  for (const Task& task : tasks_) {
    if (task.branch != branch) continue;
    const int64_t width = task.rows * options_.hidden;
    const int64_t end = (slot_of(task, branches_[branch].steps - 1) + 1) * width;
    for (int64_t layer = 0; layer < options_.layers; ++layer) {
      const int64_t to = (layer * batch_ + task.first_row) * options_.hidden;
      std::copy_n(at(task.layers[layer].h + end), width, state.h.data_ptr<float>() + to);
      std::copy_n(at(task.layers[layer].c + end), width, state.c.data_ptr<float>() + to);
    }
  }
  return state;
}

std::vector<at::Tensor> LstmRun::backward(const std::vector<at::Tensor>& grads) {
  if (!buffer_.defined()) throw Error({.what = "backward through the same LSTM step a second time"});
  std::vector<at::Tensor> outer;
  outer.reserve(grads.size());
  for (const at::Tensor& grad : grads)
    outer.push_back(grad.defined() ? grad.to(at::kFloat).contiguous() : at::Tensor());
  each_task([&](const Task& task) { backward_task(task, outer[task.branch]); });
  std::vector<std::vector<at::Tensor>> collected(packed_.size());
  workspace_->parallel_for(static_cast<int64_t>(packed_.size()), [&](int64_t i) {
    collected[i] = collect_gradients(i / options_.layers, i % options_.layers);
  });
  workspace_->give_back(std::move(buffer_));
  buffer_ = at::Tensor();
  std::vector<at::Tensor> all;
  for (auto& layer : collected) all.insert(all.end(), layer.begin(), layer.end());
  return all;
}

void LstmRun::backward_task(const Task& task, const at::Tensor& grad) {
  const int64_t steps = branches_[task.branch].steps, width = task.rows * options_.hidden;
  for (int64_t layer = 0; layer < options_.layers; ++layer) {
    const LayerMemory& memory = task.layers[layer];
    std::fill_n(at(memory.dw_x), 4 * options_.hidden * input_width(task, layer), 0.0f);
    std::fill_n(at(memory.dw_h), 4 * options_.hidden * options_.hidden, 0.0f);
    std::fill_n(at(memory.db), 4 * options_.hidden, 0.0f);
    std::fill_n(at(memory.dh), width, 0.0f);
    std::fill_n(at(memory.dc), width, 0.0f);
  }
  for (int64_t first = (steps - 1) / kChunk * kChunk; first >= 0; first -= kChunk) {
    const int64_t end = std::min(steps, first + kChunk), held = branches_[task.branch].held;
    if (end < steps && end % held == 0) run_segment(task, first / held);
    for (int64_t layer = options_.layers - 1; layer >= 0; --layer)
      backward_layer(task, layer, first, end - first, grad);
  }
}

void LstmRun::backward_layer(const Task& task, int64_t layer, int64_t first, int64_t count,
                             const at::Tensor& grad) {
  const LayerMemory& memory = task.layers[layer];
  const PackedLayer& packed = packed_[task.branch * options_.layers + layer];
  const int64_t steps = branches_[task.branch].steps, hidden = options_.hidden, width = task.rows * hidden;
  const bool top = layer + 1 == options_.layers;
  const int64_t grad_steps = options_.last_only ? 1 : steps;
  for (int64_t t = first + count - 1; t >= first; --t) {
    const int64_t slot = slot_of(task, t);
    const float* above = at(task.dx + (t - first) * width);
    if (top) {
      const int64_t grad_step = t - (steps - grad_steps);
      above = grad.defined() && grad_step >= 0
                  ? grad.data_ptr<float>() + (task.first_row * grad_steps + grad_step) * hidden
                  : nullptr;
    }
    kernel_->backward({.rows = task.rows,
                       .hidden = hidden,
                       .c_before = at(memory.c + slot * width),
                       .c = at(memory.c + (slot + 1) * width),
                       .dh_next = at(memory.dh),
                       .dh_above = above,
                       .dh_above_stride = top ? grad_steps * hidden : hidden,
                       .mask = mask(task, layer, t),
                       .gates = at(memory.gates + slot * 4 * width),
                       .dc = at(memory.dc),
                       .dbias = at(memory.db)});
    kernel_->multiply_weights({.m = task.rows,
                               .n = hidden,
                               .k = 4 * hidden,
                               .a = at(memory.gates + slot * 4 * width),
                               .a_row_stride = 4 * hidden,
                               .a_k_stride = 1,
                               .b = packed.backward_h.data(),
                               .ldb = hidden,
                               .c = at(memory.dh),
                               .ldc = hidden,
                               .accumulate = false});
  }
  add_weight_gradients(task, layer, first, count);
  if (layer > 0)
    kernel_->multiply_weights({.m = count * task.rows,
                               .n = hidden,
                               .k = 4 * hidden,
                               .a = at(memory.gates + slot_of(task, first) * 4 * width),
                               .a_row_stride = 4 * hidden,
                               .a_k_stride = 1,
                               .b = packed.backward_x.data(),
                               .ldb = hidden,
                               .c = at(task.dx),
                               .ldc = hidden,
                               .accumulate = false});
}

void LstmRun::add_weight_gradients(const Task& task, int64_t layer, int64_t first, int64_t count) {
  const LayerMemory& memory = task.layers[layer];
  const int64_t hidden = options_.hidden, width = task.rows * hidden, input = input_width(task, layer);
  const int64_t slot = slot_of(task, first);
  const MatrixProduct of_h{.m = 4 * hidden,
                           .n = hidden,
                           .k = count * task.rows,
                           .a = at(memory.gates + slot * 4 * width),
                           .a_row_stride = 1,
                           .a_k_stride = 4 * hidden,
                           .b = at(memory.h + slot * width),
                           .ldb = hidden,
                           .c = at(memory.dw_h),
                           .ldc = hidden,
                           .accumulate = true};
  MatrixProduct of_x = of_h;
  of_x.n = of_x.ldb = of_x.ldc = input;
  of_x.b = at(input_offset(task, layer) + slot * task.rows * input);
  of_x.c = at(memory.dw_x);
  kernel_->multiply_transposed(of_h, of_x);
}

}  // namespace athanor
