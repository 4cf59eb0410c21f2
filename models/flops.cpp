// LibTorch tells an observer every operator that runs, with its arguments before and its results after. The
// outermost operator that the table knows counts; what it calls inside does not count again.
#include "models/flops.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/zeros.h>
#include <ATen/record_function.h>

#include <map>
#include <string_view>

namespace athanor {
namespace {

using Arguments = c10::ArrayRef<const c10::IValue>;

struct Cost {
  int64_t flops = 0;       // known from the arguments
  int64_t per_result = 0;  // and for each number of the result
};

// a [..,M,K] b [..,K,N], the arguments from `first` on: 2K a number of the result.
template <size_t first>
Cost matrix_product(Arguments in) {
  return {.per_result = 2 * in[first].toTensor().size(-1)};
}

// (input, weight, bias, stride, padding, dilation, transposed, …)
Cost convolution(Arguments in) {
  const at::Tensor input = in[0].toTensor(), weight = in[1].toTensor();
  const int64_t products = weight.numel() / weight.size(0);
  if (in[6].toBool()) return {.flops = 2 * products * input.numel()};
  return {.per_result = 2 * products};
}

// (input, hx, weights, has_biases, layers, …): every weight matrix meets every row of every step once.
Cost lstm(Arguments in) {
  const at::Tensor input = in[0].toTensor();
  Cost cost;
  for (const at::Tensor& weight : in[2].toTensorVector())
    if (weight.dim() == 2) cost.flops += 2 * weight.numel() * input.size(0) * input.size(1);
  return cost;
}

// q [..,L,E], k [..,S,E], v [..,S,V]
Cost attention(Arguments in) {
  const at::Tensor q = in[0].toTensor(), k = in[1].toTensor(), v = in[2].toTensor();
  const int64_t rows = q.numel() / q.size(-1);
  return {.flops = 2 * rows * k.size(-2) * (q.size(-1) + v.size(-1))};
}

const std::map<std::string_view, Cost (*)(Arguments)> kCosts = {
    {"aten::linear", matrix_product<0>},
    {"aten::mm", matrix_product<0>},
    {"aten::bmm", matrix_product<0>},
    {"aten::addmm", matrix_product<1>},
    {"aten::baddbmm", matrix_product<1>},
    {"aten::convolution", convolution},
    {"aten::lstm", lstm},
    {"aten::scaled_dot_product_attention", attention},
};

struct Counter {
  int64_t flops = 0;
  int inside = 0;  // known operators that are running
};
thread_local Counter counter;

struct Running : at::ObserverContext {
  explicit Running(Cost of) : cost(of) {}
  Cost cost;
};

std::unique_ptr<at::ObserverContext> begin(const at::RecordFunction& function) {
  const auto known = kCosts.find(function.name());
  if (known == kCosts.end()) return nullptr;
  return std::make_unique<Running>(counter.inside++ == 0 ? known->second(function.inputs()) : Cost{});
}

void end(const at::RecordFunction& function, at::ObserverContext* context) {
  if (context == nullptr) return;
  const Cost& cost = static_cast<Running*>(context)->cost;
  --counter.inside;
  counter.flops += cost.flops;
  if (cost.per_result > 0) counter.flops += cost.per_result * function.outputs()[0].toTensor().numel();
}

// Sees this thread's operators for one scope.
class Observer {
 public:
  Observer()
      : handle_(at::addThreadLocalCallback(at::RecordFunctionCallback(begin, end)
                                               .needsInputs(true)
                                               .needsOutputs(true)
                                               .scopes({at::RecordScope::FUNCTION}))) {
    counter = {};
  }
  ~Observer() { at::removeCallback(handle_); }
  Observer(const Observer&) = delete;
  Observer& operator=(const Observer&) = delete;

 private:
  at::CallbackHandle handle_;
};

}  // namespace

int64_t forward_flops(Model& model, const DataSpec& spec) {
  const at::NoGradGuard no_grad;
  const TensorMap parameters = model.parameters();
  const at::Device device = parameters.empty() ? at::Device(at::kCPU) : parameters.begin()->second.device();
  TensorMap inputs;
  for (const TensorSpec& input : spec.inputs) {
    std::vector<int64_t> shape = {1};
    shape.insert(shape.end(), input.shape.begin(), input.shape.end());
    inputs.set(input.name, at::zeros(shape, at::TensorOptions(device).dtype(input.dtype)));
  }
  model.set_training(false);
  model.set_state({});
  const Observer observer;
  model.forward(inputs);
  model.set_state({});
  return counter.flops;
}

}  // namespace athanor
