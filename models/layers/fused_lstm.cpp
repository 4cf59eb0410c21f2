// The autograd node around LstmRun.
#include "models/layers/fused_lstm.h"

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <torch/csrc/autograd/custom_function.h>

#include "models/layers/lstm_run.h"

namespace athanor {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

struct FusedLstm : torch::autograd::Function<FusedLstm> {
  // `weights` is a TensorList, since autograd does not look into a std::vector<Tensor>.
  static variable_list forward(AutogradContext* context, const c10::intrusive_ptr<LstmRun>& run,
                               at::TensorList weights) {
    context->save_for_backward(weights.vec());
    context->saved_data["run"] = c10::IValue::make_capsule(run);
    return run->forward();
  }

  static variable_list backward(AutogradContext* context, const variable_list& grads) {
    context->get_saved_variables();  // complains if a weight was changed since forward
    const auto run = c10::static_intrusive_pointer_cast<LstmRun>(context->saved_data["run"].toCapsule());
    variable_list all = {at::Tensor()};
    for (at::Tensor& grad : run->backward(grads)) all.push_back(std::move(grad));
    return all;
  }
};

bool plain_float(const at::Tensor& tensor) {
  return tensor.device().is_cpu() && tensor.scalar_type() == at::kFloat;
}

}  // namespace

at::Tensor LstmWorkspace::take(int64_t floats) {
  const std::lock_guard lock(mutex_);
  at::Tensor memory = std::move(kept_);
  kept_ = at::Tensor();
  if (!memory.defined() || memory.numel() < floats) memory = at::empty({floats}, at::kFloat);
  return memory;
}

void LstmWorkspace::give_back(at::Tensor memory) {
  const std::lock_guard lock(mutex_);
  if (!kept_.defined() || kept_.numel() < memory.numel()) kept_ = std::move(memory);
}

void LstmWorkspace::parallel_for(int64_t count, const std::function<void(int64_t)>& body) {
  std::shared_ptr<ThreadPool> threads;
  {
    const std::lock_guard lock(mutex_);
    const int helpers = at::get_num_threads() - 1;
    if (threads_ == nullptr || threads_->threads() != helpers)
      threads_ = std::make_shared<ThreadPool>(helpers);
    threads = threads_;
  }
  threads->parallel_for(count, body);
}

bool fused_lstm_serves(const std::vector<LstmBranch>& branches, const FusedLstmOptions& options) {
  const LstmKernel* kernel = options.kernel;
  if (kernel == nullptr || options.hidden % kernel->lanes != 0 || !at::GradMode::is_enabled()) return false;
  for (const LstmBranch& branch : branches) {
    if (!plain_float(branch.x) || branch.x.requires_grad() || branch.x.numel() == 0) return false;
    if (branch.x.size(0) != branches[0].x.size(0)) return false;
    for (const at::Tensor& weight : branch.weights)
      if (!plain_float(weight) || !weight.is_contiguous()) return false;
  }
  return true;
}

std::vector<at::Tensor> fused_lstm(std::vector<LstmBranch>& branches, const FusedLstmOptions& options,
                                   std::shared_ptr<LstmWorkspace> workspace) {
  std::vector<at::Tensor> weights;
  for (const LstmBranch& branch : branches)
    weights.insert(weights.end(), branch.weights.begin(), branch.weights.end());
  const auto run = c10::make_intrusive<LstmRun>(branches, options, std::move(workspace));
  std::vector<at::Tensor> outputs = FusedLstm::apply(run, at::TensorList(weights));
  for (size_t i = 0; i < branches.size(); ++i) branches[i].state = run->final_state(i);
  return outputs;
}

}  // namespace athanor
