// Training of several stacked LSTMs at once on the CPU, forward and backward, as one autograd node. What it
// gains over at::lstm: every thread takes rows of the batch through all steps without waiting for another,
// the gates are fused behind the matrix products, dropout masks are hashed rather than stored, denormal
// gradients are flushed, the gradient of the inputs is not computed, and the memory is kept from step to
// step. Results do not depend on the number of threads. Left out: gradients of the inputs and of the first
// state.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "models/layers/lstm_kernel.h"
#include "src/core/thread_pool.h"

namespace athanor {

struct LstmState {
  at::Tensor h;  // [L,B,D] f32
  at::Tensor c;  // [L,B,D] f32
};

// One LSTM and its input.
struct LstmBranch {
  at::Tensor x;  // [B,T,F] f32
  std::vector<at::Tensor>
      weights;      // w_ih [4D,F], w_hh [4D,D], b_ih [4D], b_hh [4D] a layer, gates i, f, g, o
  LstmState state;  // in: the state to begin with (undefined: zeros); out: after the last step
};

struct FusedLstmOptions {
  int64_t hidden = 0;
  int64_t layers = 0;
  double dropout = 0;  // between layers
  bool last_only = false;
  bool recompute =
      false;  // activations in the backward pass rather than keep them: the same bits, less memory
  const LstmKernel* kernel = find_lstm_kernel(/*bf16=*/false);  // nullptr: this CPU has none
};

// What outlives a step. Memory: fresh pages for hundreds of MB cost a tenth of the step. Threads, as many as
// LibTorch is set to use: tasks differ in length, and at::parallel_for would share them out by number.
class LstmWorkspace {
 public:
  at::Tensor take(int64_t floats);
  void give_back(at::Tensor memory);
  // Calls body(i) for i in [0,count).
  void parallel_for(int64_t count, const std::function<void(int64_t)>& body);

 private:
  std::mutex mutex_;
  at::Tensor kept_;
  std::shared_ptr<ThreadPool> threads_;
};

// Whether fused_lstm can take these branches: fp32 on a CPU with AVX2, gradients on, no gradient for x, and a
// hidden size that fills vectors.
bool fused_lstm_serves(const std::vector<LstmBranch>& branches, const FusedLstmOptions& options);

// -> a branch: outputs [B,T,D] f32, or with last_only the last step's [B,D]. Draws one number from torch's
// CPU generator where there is dropout. Backward can run once.
std::vector<at::Tensor> fused_lstm(std::vector<LstmBranch>& branches, const FusedLstmOptions& options,
                                   std::shared_ptr<LstmWorkspace> workspace);

}  // namespace athanor
