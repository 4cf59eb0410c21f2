// Forward and backward of a stack of linear layers.
#include "models/layers/dense_stack.h"

#include <ATen/autocast_mode.h>
#include <ATen/ops/addmm.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/relu.h>
#include <ATen/ops/sum.h>
#include <ATen/ops/threshold_backward.h>
#include <torch/csrc/autograd/custom_function.h>

namespace athanor {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

struct DenseStack : torch::autograd::Function<DenseStack> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, at::TensorList layers,
                            bool relu_last) {
    const at::AutoDispatchBelowADInplaceOrView below;
    const size_t count = layers.size() / 2;
    variable_list saved = {x};
    at::Tensor y = x;
    for (size_t i = 0; i < count; ++i) {
      y = at::addmm(layers[2 * i + 1], y, layers[2 * i].t());
      if (i + 1 < count || relu_last) y.relu_();
      saved.push_back(y);
    }
    for (size_t i = 0; i < count; ++i) saved.push_back(layers[2 * i]);
    context->save_for_backward(std::move(saved));
    context->saved_data["relu_last"] = relu_last;
    return y;
  }

  static variable_list backward(AutogradContext* context, const variable_list& grads) {
    const at::AutoDispatchBelowADInplaceOrView below;
    const variable_list saved = context->get_saved_variables();  // x, every layer's output, weights
    const size_t count = (saved.size() - 1) / 2;
    variable_list out(2 * count + 2);  // x, layers, relu_last
    at::Tensor grad = grads[0];
    for (size_t i = count; i-- > 0;) {
      if (i + 1 < count || context->saved_data["relu_last"].toBool())
        grad = at::threshold_backward(grad, saved[i + 1], 0);
      out[1 + 2 * i] = at::mm(grad.t(), saved[i]);
      out[2 + 2 * i] = at::sum(grad, 0);
      if (i > 0) grad = at::mm(grad, saved[1 + count + i]);
    }
    return out;
  }
};

bool one_node_serves(const at::Tensor& x) {
  return at::GradMode::is_enabled() && !x.requires_grad() && x.dim() == 2 &&
         !at::autocast::is_autocast_enabled(x.device().type());
}

}  // namespace

at::Tensor dense_stack(const at::Tensor& x, const std::vector<at::Tensor>& layers, bool relu_last) {
  if (layers.empty()) return x;
  if (one_node_serves(x)) return DenseStack::apply(x, at::TensorList(layers), relu_last);
  at::Tensor y = x;
  for (size_t i = 0; i < layers.size(); i += 2) {
    y = at::linear(y, layers[i], layers[i + 1]);
    if (i + 2 < layers.size() || relu_last) y = at::relu(y);
  }
  return y;
}

}  // namespace athanor
