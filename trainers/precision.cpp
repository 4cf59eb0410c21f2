// torch.amp in a few lines: autocast switched per thread and device type, the scaler's foreach kernels.
#include "trainers/precision.h"

#include <ATen/autocast_mode.h>
#include <ATen/ops/_amp_foreach_non_finite_check_and_unscale.h>
#include <ATen/ops/_amp_update_scale.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>

#include "src/core/error.h"
#include "src/core/text.h"

namespace athanor {
namespace {

constexpr double kInitialScale = 65536;
constexpr double kGrowth = 2;
constexpr double kBackoff = 0.5;
constexpr int64_t kGrowthIntervalSteps = 2000;

}  // namespace

const char* precision_name(Precision precision) {
  return precision == Precision::kFp32 ? "fp32" : precision == Precision::kBf16 ? "bf16" : "fp16";
}

Precision parse_precision(const std::string& name, at::Device device) {
  if (name == "fp32") return Precision::kFp32;
  if (name == "bf16") return Precision::kBf16;
  if (name != "fp16")
    throw usage_error({"trainer.precision", "unknown precision", "fp32, bf16 or fp16", name});
  if (device.is_cpu())
    throw usage_error({"trainer.precision", "fp16 does not train on a CPU", "", "",
                       "use trainer.precision=bf16, or device=cuda"});
  return Precision::kFp16;
}

at::ScalarType autocast_type(Precision precision) {
  if (precision == Precision::kFp32) return at::ScalarType::Undefined;
  return precision == Precision::kBf16 ? at::kBFloat16 : at::kHalf;
}

AutocastGuard::AutocastGuard(at::ScalarType type, at::Device device) : type_(type), device_(device.type()) {
  if (type_ == at::ScalarType::Undefined) return;
  enabled_before_ = at::autocast::is_autocast_enabled(device_);
  type_before_ = at::autocast::get_autocast_dtype(device_);
  at::autocast::set_autocast_enabled(device_, true);
  at::autocast::set_autocast_dtype(device_, type_);
  at::autocast::increment_nesting();
}

AutocastGuard::~AutocastGuard() {
  if (type_ == at::ScalarType::Undefined) return;
  if (at::autocast::decrement_nesting() == 0) at::autocast::clear_cache();
  at::autocast::set_autocast_enabled(device_, enabled_before_);
  at::autocast::set_autocast_dtype(device_, type_before_);
}

TensorMap to_fp32(TensorMap outputs) {
  for (auto& [name, tensor] : outputs)
    if (tensor.is_floating_point() && tensor.scalar_type() != at::kFloat) tensor = tensor.to(at::kFloat);
  return outputs;
}

GradScaler::GradScaler(bool enabled, at::Device device)
    : enabled_(enabled),
      scale_(at::full({}, enabled ? kInitialScale : 1.0, at::TensorOptions(device).dtype(at::kFloat))),
      growth_tracker_(at::zeros({}, at::TensorOptions(device).dtype(at::kInt))) {}

at::Tensor GradScaler::unscale(const std::vector<at::Tensor>& gradients) const {
  at::Tensor found_inf = at::zeros({}, scale_.options());
  if (!gradients.empty())
    at::_amp_foreach_non_finite_check_and_unscale_(gradients, found_inf,
                                                   enabled_ ? scale_.reciprocal() : scale_);
  return found_inf;
}

void GradScaler::update(const at::Tensor& found_inf) {
  if (enabled_)
    at::_amp_update_scale_(scale_, growth_tracker_, found_inf, kGrowth, kBackoff, kGrowthIntervalSteps);
}

TensorMap GradScaler::state() const { return {{"scale", scale_}, {"growth_tracker", growth_tracker_}}; }

void GradScaler::load_state(const TensorMap& state, const std::string& prefix) {
  scale_.copy_(state.at(prefix + "scale"));
  growth_tracker_.copy_(state.at(prefix + "growth_tracker"));
}

}  // namespace athanor
