// LstmRun's weights: packed for the kernels before the passes, their gradients collected after.
#include <ATen/ops/zeros.h>

#include <algorithm>

#include "models/layers/lstm_run.h"

namespace athanor {

int64_t LstmRun::column(int64_t gate, int64_t unit) const {
  const int64_t lanes = kernel_->lanes;
  return unit / lanes * 4 * lanes + gate * lanes + unit % lanes;
}

void LstmRun::pack_weights() {
  packed_.resize(branches_.size() * options_.layers);
  workspace_->parallel_for(static_cast<int64_t>(packed_.size()), [this](int64_t i) {
    packed_[i] = pack_layer(branches_[i / options_.layers], i % options_.layers);
  });
}

PackedLayer LstmRun::pack_layer(const Branch& branch, int64_t layer) const {
  const int64_t hidden = options_.hidden, lanes = kernel_->lanes;
  const int64_t features = layer == 0 ? branch.features : hidden,
                padded = layer == 0 ? branch.padded : hidden;
  const int64_t depth = padded + hidden;
  const float* w_x = branch.weights[4 * layer].data_ptr<float>();
  const float* w_h = branch.weights[4 * layer + 1].data_ptr<float>();
  const float* b_x = branch.weights[4 * layer + 2].data_ptr<float>();
  const float* b_h = branch.weights[4 * layer + 3].data_ptr<float>();
  PackedLayer packed;
  packed.forward.assign(4 * hidden * depth, 0.0f);
  packed.bias.resize(4 * hidden);
  packed.backward_x.resize(layer == 0 ? 0 : 4 * hidden * hidden);
  packed.backward_h.resize(4 * hidden * hidden);
  for (int64_t gate = 0; gate < 4; ++gate)
    for (int64_t unit = 0; unit < hidden; ++unit) {
      const int64_t row = gate * hidden + unit, to = column(gate, unit);
      float* forward = packed.forward.data() + unit / lanes * depth * 4 * lanes + gate * lanes + unit % lanes;
      for (int64_t k = 0; k < features; ++k) forward[k * 4 * lanes] = w_x[row * features + k];
      for (int64_t k = 0; k < hidden; ++k) forward[(padded + k) * 4 * lanes] = w_h[row * hidden + k];
      packed.bias[to] = b_x[row] + b_h[row];
      std::copy_n(w_h + row * hidden, hidden, packed.backward_h.data() + to * hidden);
      if (layer > 0) std::copy_n(w_x + row * hidden, hidden, packed.backward_x.data() + to * hidden);
    }
  if (kernel_->pack != nullptr) convert(packed, depth);
  return packed;
}

void LstmRun::convert(PackedLayer& packed, int64_t depth) const {
  const int64_t columns = 4 * kernel_->lanes, rows = 4 * options_.hidden;
  std::vector<float> converted(packed.forward.size());
  for (int64_t first = 0; first < rows; first += columns)
    kernel_->pack(packed.forward.data() + first * depth, depth, columns, converted.data() + first * depth);
  packed.forward = std::move(converted);
  for (std::vector<float>* weights : {&packed.backward_x, &packed.backward_h}) {
    if (weights->empty()) continue;
    converted.assign(weights->size(), 0.0f);
    kernel_->pack(weights->data(), rows, options_.hidden, converted.data());
    weights->swap(converted);
  }
}

// The blocks' shares summed in the order of rows, columns back in PyTorch's order.
std::vector<at::Tensor> LstmRun::collect_gradients(size_t branch, int64_t layer) const {
  const int64_t hidden = options_.hidden;
  const int64_t features = layer == 0 ? branches_[branch].features : hidden;
  at::Tensor w_x = at::zeros({4 * hidden, features}), w_h = at::zeros({4 * hidden, hidden});
  at::Tensor b = at::zeros({4 * hidden});
  std::vector<const Task*> blocks;
  for (const Task& task : tasks_)
    if (task.branch == branch) blocks.push_back(&task);
  std::sort(blocks.begin(), blocks.end(), [](auto* a, auto* b) { return a->first_row < b->first_row; });
  const auto add = [](const float* from, int64_t count, float* to) {
    for (int64_t i = 0; i < count; ++i) to[i] += from[i];
  };
  for (const Task* task : blocks)
    for (int64_t row = 0; row < 4 * hidden; ++row) {
      const LayerMemory& memory = task->layers[layer];
      const int64_t from = column(row / hidden, row % hidden);
      add(at(memory.dw_x + from * input_width(*task, layer)), features,
          w_x.data_ptr<float>() + row * features);
      add(at(memory.dw_h + from * hidden), hidden, w_h.data_ptr<float>() + row * hidden);
      add(at(memory.db + from), 1, b.data_ptr<float>() + row);
    }
  return {w_x, w_h, b, b.clone()};
}

}  // namespace athanor
