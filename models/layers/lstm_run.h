// One training step of a set of LSTMs: the plan (blocks of rows, who lies where in memory) and its two
// passes.
#pragma once

#include <ATen/core/ivalue.h>

#include <functional>
#include <memory>
#include <vector>

#include "models/layers/fused_lstm.h"

namespace athanor {

// The weights of one layer as the kernels want them; see lstm_kernel.h for the order of the gates' columns.
// The three matrices may be packed further by the kernel.
struct PackedLayer {
  std::vector<float> forward;     // [D/lanes][input+D][4*lanes]
  std::vector<float> bias;        // [4D]
  std::vector<float> backward_x;  // [4D][D]: w_ih; empty for the first layer
  std::vector<float> backward_h;  // [4D][D]: w_hh
};

class LstmRun : public torch::CustomClassHolder {
 public:
  LstmRun(std::vector<LstmBranch>& branches, const FusedLstmOptions& options,
          std::shared_ptr<LstmWorkspace> workspace);
  ~LstmRun() override;

  std::vector<at::Tensor> forward();
  // grads: of forward's results (undefined: zero). -> gradients of all weights, branch by branch. Runs once.
  std::vector<at::Tensor> backward(const std::vector<at::Tensor>& grads);
  LstmState final_state(size_t branch) const;

 private:
  // Offsets in floats into the workspace.
  struct LayerMemory {
    int64_t gates;           // [held,rows,4D]
    int64_t c, h;            // [held+1,rows,D], first the state to begin with
    int64_t dropped;         // [held,rows,D], or h's steps where nothing drops
    int64_t kept_c, kept_h;  // [segments-1,rows,D], the states between segments
    int64_t dw_x, dw_h, db;  // this block's share of the gradients: [4D,input], [4D,D], [4D]
    int64_t dh, dc;          // [rows,D]
  };
  // A block of rows of one branch: what one thread takes through all steps.
  struct Task {
    size_t branch;
    int64_t first_row, rows;
    int64_t x;   // [held,rows,padded input]
    int64_t dx;  // [kChunk,rows,D]
    std::vector<LayerMemory> layers;
  };
  struct Branch {
    int64_t steps;
    int64_t held, segments;  // steps whose activations are in memory together, and how often that makes T
    int64_t features, padded;
    at::Tensor x;
    std::vector<at::Tensor> weights;
    LstmState state;
  };

  int64_t plan_task(Task& task, int64_t offset) const;
  void pack_weights();
  PackedLayer pack_layer(const Branch& branch, int64_t layer) const;
  void convert(PackedLayer& packed, int64_t depth) const;
  void each_task(const std::function<void(const Task&)>& body) const;
  void forward_task(const Task& task, const at::Tensor& output);
  void run_segment(const Task& task, int64_t segment);
  void load_input(const Task& task, int64_t begin, int64_t end) const;
  void load_states(const Task& task, int64_t segment) const;
  void keep_states(const Task& task, int64_t segment) const;
  void put_out(const Task& task, int64_t segment, const at::Tensor& output) const;
  void forward_layer(const Task& task, int64_t layer, int64_t first, int64_t count);
  void backward_task(const Task& task, const at::Tensor& grad);
  void backward_layer(const Task& task, int64_t layer, int64_t first, int64_t count, const at::Tensor& grad);
  void add_weight_gradients(const Task& task, int64_t layer, int64_t first, int64_t count);
  std::vector<at::Tensor> collect_gradients(size_t branch, int64_t layer) const;
  DropoutMask mask(const Task& task, int64_t layer, int64_t step) const;
  int64_t input_width(const Task& task, int64_t layer) const;
  int64_t input_offset(const Task& task, int64_t layer) const;
  int64_t slot_of(const Task& task, int64_t t) const { return t % branches_[task.branch].held; }
  int64_t column(int64_t gate, int64_t unit) const;
  float* at(int64_t offset) const { return memory_ + offset; }

  FusedLstmOptions options_;
  const LstmKernel* kernel_;
  uint64_t dropout_seed_ = 0;
  int64_t batch_;
  std::vector<Branch> branches_;
  std::vector<Task> tasks_;
  std::vector<PackedLayer> packed_;  // branch by branch
  std::shared_ptr<LstmWorkspace> workspace_;
  at::Tensor buffer_;
  float* memory_ = nullptr;
};

}  // namespace athanor
