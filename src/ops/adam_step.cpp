// The loop over one tensor, compiled for AVX-512, AVX2 and without either; the loader picks at start.
#include "src/ops/adam_step.h"

#include <cmath>

#include "src/ops/clones.h"

namespace athanor {
namespace {

struct Factors {
  float keep;   // of the parameter: 1 - lr * decay (AdamW)
  float decay;  // of the parameter, into the gradient (Adam)
  float take_mean, keep_square, take_square;
  float step;  // lr / (1 - beta1^t)
  float root;  // sqrt(1 - beta2^t)
  float eps;
};

ATHANOR_CLONES void step_tensor(float* __restrict parameter, const float* __restrict gradient,
                                float* __restrict mean, float* __restrict square, int64_t size, Factors c) {
  for (int64_t i = 0; i < size; ++i) {
    const float g = gradient[i] + c.decay * parameter[i];
    const float m = mean[i] + c.take_mean * (g - mean[i]);
    const float v = square[i] * c.keep_square + c.take_square * g * g;
    mean[i] = m;
    square[i] = v;
    parameter[i] = parameter[i] * c.keep - c.step * m / (__builtin_sqrtf(v) / c.root + c.eps);
  }
}

}  // namespace

void adam_step(std::span<const AdamTensor> tensors, const AdamRule& rule) {
  const auto narrow = [](double value) { return static_cast<float>(value); };
  const Factors factors{.keep = narrow(rule.decoupled ? 1 - rule.lr * rule.weight_decay : 1),
                        .decay = narrow(rule.decoupled ? 0 : rule.weight_decay),
                        .take_mean = narrow(1 - rule.beta1),
                        .keep_square = narrow(rule.beta2),
                        .take_square = narrow(1 - rule.beta2),
                        .step = narrow(rule.lr / (1 - std::pow(rule.beta1, rule.step))),
                        .root = narrow(std::sqrt(1 - std::pow(rule.beta2, rule.step))),
                        .eps = narrow(rule.eps)};
  for (const AdamTensor& t : tensors) step_tensor(t.parameter, t.gradient, t.mean, t.square, t.size, factors);
}

}  // namespace athanor
