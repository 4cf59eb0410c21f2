// aten::quantized_lstm takes its weights as script objects, so it is called through the dispatcher.
#include "models/layers/int8_lstm.h"

#include <ATen/Context.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/ivalue.h>
#include <ATen/ops/amax.h>
#include <ATen/ops/quantize_per_channel.h>
#include <ATen/ops/zeros.h>

namespace athanor {
namespace {

constexpr double kLargestInt8 = 127, kLeastScale = 1e-12;

c10::IValue call(const char* name, const char* overload, std::vector<c10::IValue> stack) {
  c10::Dispatcher::singleton().findSchemaOrThrow(name, overload).callBoxed(&stack);
  if (stack.size() == 1) return stack[0];
  return c10::ivalue::Tuple::create(std::move(stack));
}

// A row's largest magnitude becomes 127.
c10::IValue pack_linear(const at::Tensor& weight, const at::Tensor& bias) {
  const at::Tensor w = weight.detach();
  const at::Tensor scales = w.abs().amax(1).div(kLargestInt8).clamp_min(kLeastScale).to(at::kDouble);
  const at::Tensor zero_points = at::zeros({w.size(0)}, at::kLong);
  return call("quantized::linear_prepack", "",
              {at::quantize_per_channel(w, scales, zero_points, 0, at::kQInt8), bias.detach()});
}

}  // namespace

struct Int8Lstm::Packed {
  std::vector<c10::IValue> cells;
};

Int8Lstm::Int8Lstm(const std::vector<at::Tensor>& weights) : packed_(std::make_unique<Packed>()) {
  for (size_t i = 0; i < weights.size(); i += 4)
    packed_->cells.push_back(
        call("quantized::make_quantized_cell_params_dynamic", "",
             {pack_linear(weights[i], weights[i + 2]), pack_linear(weights[i + 1], weights[i + 3]),
              weights[i + 2].detach(), weights[i + 3].detach(), /*reduce_range=*/false}));
}

Int8Lstm::~Int8Lstm() = default;

at::Tensor Int8Lstm::forward(const at::Tensor& x, LstmState& state) const {
  c10::impl::GenericList cells(packed_->cells[0].type());
  for (const c10::IValue& cell : packed_->cells) cells.push_back(cell);
  const c10::IValue result =
      call("aten::quantized_lstm", "input",
           {x, c10::List<at::Tensor>({state.h, state.c}), cells, /*has_biases=*/true,
            static_cast<int64_t>(packed_->cells.size()), /*dropout=*/0.0, /*train=*/false,
            /*bidirectional=*/false, /*batch_first=*/true, c10::IValue(at::kChar), /*use_dynamic=*/true});
  const auto& elements = result.toTupleRef().elements();
  state = {elements[1].toTensor(), elements[2].toTensor()};
  return elements[0].toTensor();
}

}  // namespace athanor
