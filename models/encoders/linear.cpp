#include "models/encoders/linear.h"

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/ops/_int_mm.h>
#include <ATen/ops/abs.h>
#include <ATen/ops/amax.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/relu.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/where.h>
#include <c10/core/GradMode.h>

namespace athanor {
namespace {

at::Tensor reorder_weight(const at::Tensor& weight) {
  static const auto op = c10::Dispatcher::singleton()
                             .findSchemaOrThrow("mkldnn::_reorder_linear_weight", "")
                             .typed<at::Tensor(const at::Tensor&, std::optional<int64_t>)>();
  return op.call(weight, std::nullopt);
}

// x [...,in] f32 -> [...,out] f32
at::Tensor packed_linear(const at::Tensor& x, const PackedWeight& weight, const at::Tensor& bias,
                         Activation activation) {
  const at::Tensor rows = x.reshape({-1, weight.inputs()}).contiguous();
  std::vector<int64_t> shape = x.sizes().vec();
  shape.back() = weight.outputs();
  at::Tensor y = at::empty(shape, x.options());
  const PackedProduct product{.x = rows.const_data_ptr<float>(),
                              .rows = rows.size(0),
                              .x_stride = weight.inputs(),
                              .weight = &weight,
                              .bias = bias.defined() ? bias.const_data_ptr<float>() : nullptr,
                              .activation = activation,
                              .y = y.mutable_data_ptr<float>(),
                              .y_stride = weight.outputs()};
  if (product.rows == 0) return y;
  const ProductParts parts = split_product(product, at::get_num_threads());
  at::parallel_for(0, parts.count(), 1, [&](int64_t begin, int64_t end) {
    for (int64_t part = begin; part < end; ++part) multiply_part(product, parts, part);
  });
  return y;
}

at::Tensor reordered_linear(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                            Activation activation) {
  using Scalars = c10::List<std::optional<at::Scalar>>;
  static const auto op =
      c10::Dispatcher::singleton()
          .findSchemaOrThrow("mkldnn::_linear_pointwise", "")
          .typed<at::Tensor(const at::Tensor&, const at::Tensor&, const std::optional<at::Tensor>&,
                            std::string_view, Scalars, std::optional<std::string_view>)>();
  const bool tanh = activation == Activation::kGeluTanh;
  const bool fused = tanh || activation == Activation::kGelu;
  const std::optional<at::Tensor> given = bias.defined() ? std::optional(bias) : std::nullopt;
  const at::Tensor y = op.call(x, weight, given, fused ? "gelu" : "none", Scalars(), tanh ? "tanh" : "none");
  return fused ? y : activated(y, activation);
}

// What 127 stands for in each row of x, over 127: [...,1]
at::Tensor steps_of(const at::Tensor& x) { return x.abs().amax(-1, /*keepdim=*/true) / 127; }
// x [N,in] f32 -> i8, in steps of each row
at::Tensor integers_of(const at::Tensor& x, const at::Tensor& steps) {
  return at::where(steps > 0, x * (1 / steps), 0).round().to(at::kChar);
}

// weight [out,in] i8 in steps [out]
at::Tensor integer_linear(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& steps,
                          const at::Tensor& bias, Activation activation) {
  const at::Tensor rows = x.reshape({-1, weight.size(1)}), own = steps_of(rows);
  at::Tensor y = at::_int_mm(integers_of(rows, own), weight.t()).to(at::kFloat) * (own * steps);
  if (bias.defined()) y = y + bias;
  std::vector<int64_t> shape = x.sizes().vec();
  shape.back() = weight.size(0);
  return activated(y, activation).reshape(shape);
}

}  // namespace

bool find_activation(const std::string& name, Activation& activation) {
  static const std::pair<const char*, Activation> known[] = {{"gelu", Activation::kGelu},
                                                             {"gelu_python", Activation::kGelu},
                                                             {"gelu_new", Activation::kGeluTanh},
                                                             {"gelu_pytorch_tanh", Activation::kGeluTanh},
                                                             {"quick_gelu", Activation::kQuickGelu},
                                                             {"relu", Activation::kRelu},
                                                             {"silu", Activation::kSilu},
                                                             {"swish", Activation::kSilu}};
  for (const auto& [known_name, value] : known)
    if (name == known_name) {
      activation = value;
      return true;
    }
  return false;
}

at::Tensor activated(const at::Tensor& x, Activation activation) {
  switch (activation) {
    case Activation::kNone:
      return x;
    case Activation::kGelu:
      return at::gelu(x);
    case Activation::kGeluTanh:
      return at::gelu(x, "tanh");
    case Activation::kQuickGelu:
      return x * at::sigmoid(x * 1.702);
    case Activation::kRelu:
      return at::relu(x);
    case Activation::kSilu:
      return at::silu(x);
  }
  return x;
}

Linear::Linear(const at::Tensor& weight, const at::Tensor& bias) {
  weight_ = register_parameter("weight", weight, /*requires_grad=*/false);
  bias_ = register_parameter("bias", bias, /*requires_grad=*/false);
}

at::Tensor Linear::forward(const at::Tensor& x, Activation activation) const {
  if (packed_for(x) != nullptr) return packed_linear(x, *packed_, bias_, activation);
  const bool infers = !c10::GradMode::is_enabled() && x.is_cpu();
  if (infers && reordered_.defined() && x.scalar_type() == reordered_.scalar_type())
    return reordered_linear(x, reordered_, bias_, activation);
  if (infers && integers_.defined()) return integer_linear(x, integers_, steps_, bias_, activation);
  return activated(at::linear(x, weight_, bias_), activation);
}

const ProductPrecision* Linear::packed_for(const at::Tensor& x) const {
  const bool infers = !c10::GradMode::is_enabled() && x.is_cpu() && x.scalar_type() == at::kFloat;
  return infers && packed_ != nullptr ? &precision_ : nullptr;
}

void Linear::pack(ProductPrecision precision, bool on_tiles) {
  precision_ = precision;
  packed_ = nullptr;
  reordered_ = integers_ = steps_ = at::Tensor();
  if (on_tiles && weight_.scalar_type() == at::kFloat) {
    packed_ = std::make_shared<PackedWeight>(weight_.contiguous().const_data_ptr<float>(), weight_.size(0),
                                             weight_.size(1), precision);
  } else if (precision == ProductPrecision::kInt8) {
    const at::Tensor steps = steps_of(weight_);
    integers_ = integers_of(weight_, steps);
    steps_ = steps.flatten();
  } else {
    reordered_ = reorder_weight(weight_);
  }
}

int64_t Linear::weight_bytes() const {
  if (packed_ != nullptr) return packed_->bytes();
  if (integers_.defined()) return static_cast<int64_t>(integers_.nbytes() + steps_.nbytes());
  return static_cast<int64_t>(weight_.nbytes());
}

void pack_linears(torch::nn::Module& module, ProductPrecision precision) {
  std::vector<Linear*> layers;
  for (const auto& part : module.modules(/*include_self=*/false))
    if (auto* layer = part->as<Linear>()) layers.push_back(layer);
  at::parallel_for(0, static_cast<int64_t>(layers.size()), 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) layers[static_cast<size_t>(i)]->pack(precision);
  });
}

}  // namespace athanor
