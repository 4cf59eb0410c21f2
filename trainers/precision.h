// Mixed precision: the autocast guard around a forward pass and the loss scaler that fp16 needs. Follows
// torch.amp: scale 2^16 at first, doubled after 2000 good steps, halved after a bad one, which is skipped.
#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

#include "src/core/batch.h"

namespace athanor {

enum class Precision { kFp32, kBf16, kFp16 };
const char* precision_name(Precision precision);
// "fp32", "bf16", "fp16". Throws usage Error for an unknown name, and for fp16 on a CPU.
Precision parse_precision(const std::string& name, at::Device device);
// The type that matrix products run in; Undefined for fp32 (no autocast).
at::ScalarType autocast_type(Precision precision);

// Autocast to `type` on `device` for the guard's life; does nothing where `type` is Undefined.
class AutocastGuard {
 public:
  AutocastGuard(at::ScalarType type, at::Device device);
  ~AutocastGuard();
  AutocastGuard(const AutocastGuard&) = delete;
  AutocastGuard& operator=(const AutocastGuard&) = delete;

 private:
  at::ScalarType type_;
  at::DeviceType device_;
  bool enabled_before_ = false;
  at::ScalarType type_before_ = at::kFloat;
};

// Floating outputs in fp32, as objectives want them; what is fp32 already is not copied.
TensorMap to_fp32(TensorMap outputs);

class GradScaler {
 public:
  // `enabled` false: the scale stays 1 and nothing is ever skipped for it.
  GradScaler(bool enabled, at::Device device);
  bool enabled() const { return enabled_; }
  // [] f32 on the device: what the loss is multiplied with.
  const at::Tensor& scale() const { return scale_; }
  // Divides the gradients by the scale, in place. Returns [] f32: 1 where one of them is not finite, else 0.
  at::Tensor unscale(const std::vector<at::Tensor>& gradients) const;
  // After the optimizer's step: grows or shrinks the scale.
  void update(const at::Tensor& found_inf);
  // "scale" [] f32, "growth_tracker" [] i32.
  TensorMap state() const;
  void load_state(const TensorMap& state, const std::string& prefix);

 private:
  bool enabled_;
  at::Tensor scale_;
  at::Tensor growth_tracker_;
};

}  // namespace athanor
