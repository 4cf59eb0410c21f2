// The update against the same in double precision, written plainly.
#include <catch2/catch.hpp>
#include <cmath>
#include <vector>

#include "src/core/random.h"
#include "src/ops/adam_step.h"

using namespace athanor;

namespace {

struct Numbers {
  std::vector<double> parameter, mean, square;
};

// Kingma & Ba, algorithm 1; decay as in AdamW or as L2.
void reference_step(Numbers& n, const std::vector<float>& gradient, const AdamRule& rule) {
  for (size_t i = 0; i < gradient.size(); ++i) {
    double g = gradient[i];
    if (rule.decoupled)
      n.parameter[i] -= rule.lr * rule.weight_decay * n.parameter[i];
    else
      g += rule.weight_decay * n.parameter[i];
    n.mean[i] = rule.beta1 * n.mean[i] + (1 - rule.beta1) * g;
    n.square[i] = rule.beta2 * n.square[i] + (1 - rule.beta2) * g * g;
    const double mean = n.mean[i] / (1 - std::pow(rule.beta1, rule.step));
    const double square = n.square[i] / (1 - std::pow(rule.beta2, rule.step));
    n.parameter[i] -= rule.lr * mean / (std::sqrt(square) + rule.eps);
  }
}

}  // namespace

CATCH_TEST_CASE("adam_step: twenty updates equal double precision's, whatever the size", "[unit]") {
  for (const int64_t size : {0, 1, 7, 16, 33, 1000})
    for (const bool decoupled : {true, false}) {
      CATCH_INFO("size " << size << (decoupled ? ", AdamW" : ", Adam"));
      Rng random(static_cast<uint64_t>(size) + 1);
      std::vector<float> parameter(size), gradient(size), mean(size), square(size);
      for (float& value : parameter) value = static_cast<float>(random.normal());
      Numbers truth{
          {parameter.begin(), parameter.end()}, std::vector<double>(size), std::vector<double>(size)};
      AdamRule rule{.lr = 0.01, .beta1 = 0.8, .beta2 = 0.95, .weight_decay = 0.1, .decoupled = decoupled};
      for (rule.step = 1; rule.step <= 20; ++rule.step) {
        for (float& value : gradient) value = static_cast<float>(random.normal());
        const AdamTensor tensor{parameter.data(), gradient.data(), mean.data(), square.data(), size};
        adam_step({&tensor, 1}, rule);
        reference_step(truth, gradient, rule);
      }
      for (int64_t i = 0; i < size; ++i) {
        CATCH_CHECK(std::abs(parameter[i] - truth.parameter[i]) < 2e-6);
        CATCH_CHECK(std::abs(mean[i] - truth.mean[i]) < 2e-6);
        CATCH_CHECK(std::abs(square[i] - truth.square[i]) < 2e-6);
      }
    }
}

CATCH_TEST_CASE("adam_step: a tensor's neighbours in memory are left alone", "[unit]") {
  std::vector<float> parameter(40, 1), gradient(40, 1), mean(40, 0), square(40, 0);
  const AdamTensor tensor{parameter.data() + 3, gradient.data() + 3, mean.data() + 3, square.data() + 3, 21};
  adam_step({&tensor, 1}, {});
  for (size_t i = 0; i < parameter.size(); ++i) CATCH_CHECK((parameter[i] == 1) == (i < 3 || i >= 24));
}
