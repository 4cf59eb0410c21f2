// The autograd node: inputs, generator and autocast are saved; backward runs the body on detached inputs with
// gradients on, and asks autograd for the rest.
#include "models/layers/checkpointed.h"

#include <ATen/Context.h>
#include <ATen/autocast_mode.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>

#include <mutex>

namespace athanor {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// The generators that the body may draw from: the CPU's, and the device's own.
std::vector<at::Generator> generators(at::Device device) {
  std::vector<at::Generator> all = {at::globalContext().defaultGenerator(at::kCPU)};
  if (!device.is_cpu()) all.push_back(at::globalContext().defaultGenerator(device));
  return all;
}

std::vector<at::Tensor> random_states(at::Device device) {
  std::vector<at::Tensor> states;
  for (at::Generator& generator : generators(device)) {
    const std::lock_guard lock(generator.mutex());
    states.push_back(generator.get_state());
  }
  return states;
}

void set_random_states(at::Device device, const std::vector<at::Tensor>& states) {
  std::vector<at::Generator> all = generators(device);
  for (size_t i = 0; i < all.size(); ++i) {
    const std::lock_guard lock(all[i].mutex());
    all[i].set_state(states[i]);
  }
}

struct Autocast {
  bool enabled;
  at::ScalarType type;
  static Autocast of(at::DeviceType device) {
    return {at::autocast::is_autocast_enabled(device), at::autocast::get_autocast_dtype(device)};
  }
  void set(at::DeviceType device) const {
    at::autocast::set_autocast_enabled(device, enabled);
    at::autocast::set_autocast_dtype(device, type);
  }
};

struct Body : torch::CustomClassHolder {
  TensorFunction run;
  at::Device device = at::kCPU;
  std::vector<at::Tensor> random;
  Autocast autocast;
};

// The world as it was in the forward pass, for one scope.
class AsBefore {
 public:
  explicit AsBefore(const Body& body)
      : device_(body.device), random_(random_states(device_)), autocast_(Autocast::of(device_.type())) {
    set_random_states(device_, body.random);
    body.autocast.set(device_.type());
  }
  ~AsBefore() {
    set_random_states(device_, random_);
    autocast_.set(device_.type());
    // Casts of weights that were made here belong to this run alone.
    if (!autocast_.enabled) at::autocast::clear_cache();
  }
  AsBefore(const AsBefore&) = delete;
  AsBefore& operator=(const AsBefore&) = delete;

 private:
  at::Device device_;
  std::vector<at::Tensor> random_;
  Autocast autocast_;
};

// The same values, cut off from what made them.
variable_list cut(const variable_list& inputs) {
  variable_list all;
  for (const at::Tensor& input : inputs)
    all.push_back(input.defined() ? input.detach().set_requires_grad(input.requires_grad()) : input);
  return all;
}

struct Checkpointed : torch::autograd::Function<Checkpointed> {
  // `inputs` is a TensorList: autograd does not look into a std::vector<Tensor>.
  static variable_list forward(AutogradContext* context, const c10::intrusive_ptr<Body>& body,
                               at::TensorList inputs) {
    context->save_for_backward(inputs.vec());
    context->saved_data["body"] = c10::IValue::make_capsule(body);
    // With gradients on, as in the second run: LibTorch may choose other kernels without (the CPU's LSTM
    // does).
    const at::AutoGradMode grads_on(true);
    variable_list outputs = body->run(cut(inputs.vec()));
    for (at::Tensor& output : outputs) output = output.detach();
    return outputs;
  }

  static variable_list backward(AutogradContext* context, const variable_list& grads) {
    const auto body = c10::static_intrusive_pointer_cast<Body>(context->saved_data["body"].toCapsule());
    const variable_list inputs = cut(context->get_saved_variables());
    variable_list wanted, outputs, output_grads;
    for (const at::Tensor& input : inputs)
      if (input.defined() && input.requires_grad()) wanted.push_back(input);
    {
      const AsBefore as_before(*body);
      const at::AutoGradMode grads_on(true);
      const variable_list again = body->run(inputs);
      for (size_t i = 0; i < again.size(); ++i)
        if (again[i].requires_grad() && grads[i].defined()) {
          outputs.push_back(again[i]);
          output_grads.push_back(grads[i]);
        }
    }
    const variable_list found = torch::autograd::grad(outputs, wanted, output_grads, /*retain_graph=*/{},
                                                      /*create_graph=*/false, /*allow_unused=*/true);
    variable_list all = {at::Tensor()};
    size_t next = 0;
    for (const at::Tensor& input : inputs)
      all.push_back(input.defined() && input.requires_grad() ? found[next++] : at::Tensor());
    return all;
  }
};

}  // namespace

std::vector<at::Tensor> checkpointed(const TensorFunction& body, const std::vector<at::Tensor>& inputs) {
  if (!at::GradMode::is_enabled()) return body(inputs);
  auto held = c10::make_intrusive<Body>();
  held->run = body;
  held->device = inputs.front().device();
  held->random = random_states(held->device);
  held->autocast = Autocast::of(held->device.type());
  return Checkpointed::apply(held, at::TensorList(inputs));
}

}  // namespace athanor
