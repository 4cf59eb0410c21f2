// The fused training path against at::lstm: outputs, gradients, state, threads, dropout.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <torch/types.h>

#include <catch2/catch.hpp>

#include "models/layers/fused_lstm.h"
#include "models/layers/lstm_kernel.h"
#include "tests/models/sample_data.h"

using namespace athanor;

namespace {

// Two branches of the given sizes, weights as PyTorch begins, all requiring gradients.
std::vector<LstmBranch> make_branches(int64_t batch, int64_t features, int64_t hidden, int64_t layers) {
  at::set_num_threads(1);  // small tensors
  at::manual_seed(11);
  std::vector<LstmBranch> branches;
  for (const int64_t steps : {21, 9}) {
    LstmBranch branch{.x = at::randn({batch, steps, features})};
    for (int64_t layer = 0; layer < layers; ++layer) {
      const int64_t input = layer == 0 ? features : hidden;
      for (const auto& shape : std::vector<std::vector<int64_t>>{
               {4 * hidden, input}, {4 * hidden, hidden}, {4 * hidden}, {4 * hidden}})
        branch.weights.push_back(((at::rand(shape) - 0.5) * 0.6).requires_grad_());
    }
    branch.state = {at::randn({layers, batch, hidden}) * 0.3, at::randn({layers, batch, hidden}) * 0.3};
    branches.push_back(branch);
  }
  return branches;
}

// A scalar that gives every output its own gradient.
at::Tensor weigh(const std::vector<at::Tensor>& outputs) {
  at::Tensor total = at::zeros({});
  for (const at::Tensor& output : outputs)
    total = total + (output * at::linspace(-1, 1, output.numel()).view_as(output)).sum();
  return total;
}

struct Result {
  std::vector<at::Tensor> outputs, grads;
  std::vector<LstmState> states;
};

std::vector<at::Tensor> take_grads(std::vector<LstmBranch>& branches) {
  std::vector<at::Tensor> grads;
  for (auto& branch : branches)
    for (auto& weight : branch.weights) {
      grads.push_back(weight.grad().clone());
      weight.mutable_grad() = at::Tensor();
    }
  return grads;
}

Result run_fused(std::vector<LstmBranch> branches, const FusedLstmOptions& options) {
  CATCH_REQUIRE(fused_lstm_serves(branches, options));
  Result result{.outputs = fused_lstm(branches, options, std::make_shared<LstmWorkspace>())};
  weigh(result.outputs).backward();
  for (const auto& branch : branches) result.states.push_back(branch.state);
  result.grads = take_grads(branches);
  return result;
}

// The same by at::lstm, in double precision.
Result run_reference(std::vector<LstmBranch> branches, const FusedLstmOptions& options) {
  Result result;
  for (auto& branch : branches) {
    branch.x = branch.x.to(at::kDouble);
    branch.state = {branch.state.h.to(at::kDouble), branch.state.c.to(at::kDouble)};
    for (at::Tensor& weight : branch.weights) weight = weight.detach().to(at::kDouble).requires_grad_();
  }
  for (const auto& branch : branches) {
    auto [all, h, c] = at::lstm(branch.x, {branch.state.h, branch.state.c}, branch.weights, true,
                                options.layers, 0, true, false, true);
    result.outputs.push_back(options.last_only ? all.select(1, -1) : all);
    result.states.push_back({h.detach(), c.detach()});
  }
  weigh(result.outputs).backward();
  result.grads = take_grads(branches);
  return result;
}

double worst(const std::vector<at::Tensor>& a, const std::vector<at::Tensor>& b) {
  double difference = 0;
  for (size_t i = 0; i < a.size(); ++i) difference = std::max(difference, max_difference(a[i], b[i]));
  return difference;
}

// Every kernel of this CPU, for all steps and for the last alone.
std::vector<std::pair<const LstmKernel*, bool>> kernels_and_ends() {
  std::vector<std::pair<const LstmKernel*, bool>> all;
  for (const LstmKernel* kernel : lstm_kernels(/*bf16=*/false))
    for (const bool last_only : {false, true}) all.emplace_back(kernel, last_only);
  return all;
}

bool available() {
  if (find_lstm_kernel(/*bf16=*/false) != nullptr) return true;
  CATCH_WARN("skipped: this CPU has neither AVX2 nor AVX-512");
  return false;
}

}  // namespace

CATCH_TEST_CASE(
    "fused lstm: outputs, states and gradients equal at::lstm in double precision within fp32 rounding",
    "[unit]") {
  if (!available()) return;
  // Sizes that leave remainders: rows against blocks of 64 and groups of 6, features against the vector.
  for (const auto& [batch, features, hidden, layers] :
       std::vector<std::tuple<int64_t, int64_t, int64_t, int64_t>>{
           {1, 3, 16, 1}, {5, 7, 32, 2}, {70, 16, 48, 3}})
    for (const auto& [kernel, last_only] : kernels_and_ends()) {
      CATCH_INFO(kernel->name << " batch " << batch << " features " << features << " hidden " << hidden
                              << " last " << last_only);
      const FusedLstmOptions options{
          .hidden = hidden, .layers = layers, .last_only = last_only, .kernel = kernel};
      const auto branches = make_branches(batch, features, hidden, layers);
      const Result fused = run_fused(branches, options), truth = run_reference(branches, options);
      CATCH_CHECK(worst(fused.outputs, truth.outputs) < 1e-6);
      for (size_t i = 0; i < truth.states.size(); ++i) {
        CATCH_CHECK(max_difference(fused.states[i].h, truth.states[i].h) < 1e-6);
        CATCH_CHECK(max_difference(fused.states[i].c, truth.states[i].c) < 2e-6);
      }
      for (size_t i = 0; i < truth.grads.size(); ++i) {
        const double scale = std::max(1.0, truth.grads[i].abs().max().item<double>());
        CATCH_CHECK(max_difference(fused.grads[i], truth.grads[i]) < 1e-5 * scale);
      }
    }
}

CATCH_TEST_CASE("fused lstm: bits do not depend on the number of threads", "[unit]") {
  if (!available()) return;
  const FusedLstmOptions options{.hidden = 32, .layers = 2, .dropout = 0.3};
  const auto branches = make_branches(130, 5, 32, 2);
  const int threads = at::get_num_threads();
  std::vector<Result> results;
  for (const int count : {1, 2, 3}) {
    at::set_num_threads(count);
    at::manual_seed(5);
    results.push_back(run_fused(branches, options));
  }
  at::set_num_threads(threads);
  for (const Result& result : results) {
    CATCH_CHECK(worst(result.outputs, results[0].outputs) == 0);
    CATCH_CHECK(worst(result.grads, results[0].grads) == 0);
  }
}

CATCH_TEST_CASE("fused lstm: dropout follows torch's seed, and its gradient is that of the same mask",
                "[unit]") {
  if (!available()) return;
  const FusedLstmOptions options{.hidden = 16, .layers = 2, .dropout = 0.4};
  auto branches = make_branches(3, 4, 16, 2);
  const auto value = [&](uint64_t seed) {
    at::manual_seed(seed);
    auto copy = branches;
    return weigh(fused_lstm(copy, options, std::make_shared<LstmWorkspace>())).item<double>();
  };
  CATCH_CHECK(value(1) == value(1));
  CATCH_CHECK(value(1) != value(2));
  at::manual_seed(1);
  const Result result = run_fused(branches, options);
  // Along the gradient of the first layer's input weights, the directional derivative is the gradient's norm.
  const at::Tensor& grad = result.grads[0];
  const double norm = grad.norm().item<double>(), step = 2e-3;
  const auto moved = [&](double by) {
    const torch::NoGradGuard grads_off;
    branches[0].weights[0].add_(grad / norm, by);
  };
  moved(step);
  const double up = value(1);
  moved(-2 * step);
  const double slope = (up - value(1)) / (2 * step);
  CATCH_CHECK(slope == Catch::Detail::Approx(norm).epsilon(1e-2));
}

CATCH_TEST_CASE("fused lstm: dropout leaves the expected share and scale", "[unit]") {
  if (!available()) return;
  // One unit of the second layer reads the first layer's units alone, through an identity of candidate
  // weights.
  const LstmKernel& kernel = *find_lstm_kernel(/*bf16=*/false);
  constexpr int64_t kRows = 64, kHidden = 128;
  std::vector<float> x(kRows * kHidden), zero(kRows * kHidden), weights(2 * kHidden * 4 * kHidden),
      bias(4 * kHidden, 1);
  std::vector<float> gates(kRows * 4 * kHidden), c(kRows * kHidden), h(kRows * kHidden),
      dropped(kRows * kHidden);
  kernel.forward({.rows = kRows,
                  .input = kHidden,
                  .hidden = kHidden,
                  .x = x.data(),
                  .h_before = zero.data(),
                  .c_before = zero.data(),
                  .weights = weights.data(),
                  .bias = bias.data(),
                  .gates = gates.data(),
                  .c = c.data(),
                  .h = h.data(),
                  .dropped = dropped.data(),
                  .mask = {.key = 77, .threshold = 1u << 30, .scale = 4.0f / 3, .first_row = 3}});
  int64_t kept = 0;
  for (size_t i = 0; i < dropped.size(); ++i) {
    CATCH_REQUIRE((dropped[i] == 0 || dropped[i] == Catch::Detail::Approx(h[i] * 4 / 3)));
    kept += dropped[i] != 0;
  }
  const double share = static_cast<double>(kept) / static_cast<double>(dropped.size());
  CATCH_CHECK(share == Catch::Detail::Approx(0.75).margin(0.02));  // 4 standard deviations of 8192 draws
}

CATCH_TEST_CASE("fused lstm: backward runs once and says so", "[unit]") {
  if (!available()) return;
  auto branches = make_branches(2, 3, 16, 1);
  const auto outputs = fused_lstm(branches, {.hidden = 16, .layers = 1}, std::make_shared<LstmWorkspace>());
  const at::Tensor total = weigh(outputs);
  total.backward({}, /*retain_graph=*/true);
  CATCH_CHECK_THROWS_WITH(total.backward(), Catch::Contains("a second time"));
}

CATCH_TEST_CASE("fused lstm: two forwards before their backwards keep apart", "[unit]") {
  if (!available()) return;
  const FusedLstmOptions options{.hidden = 16, .layers = 2};
  auto branches = make_branches(4, 3, 16, 2);
  const Result alone = run_fused(branches, options);
  const auto workspace = std::make_shared<LstmWorkspace>();
  auto first = branches, second = branches;
  second[0].x = second[0].x * 2;
  const at::Tensor total = weigh(fused_lstm(first, options, workspace));
  const auto other = fused_lstm(second, options, workspace);
  total.backward();
  CATCH_CHECK(worst(take_grads(branches), alone.grads) == 0);
}

CATCH_TEST_CASE("fused lstm: bf16 products stay near double precision, far nearer than bf16's own steps",
                "[unit]") {
  if (find_lstm_kernel(/*bf16=*/true) == nullptr) {
    CATCH_WARN("skipped: this CPU has no AMX tiles for bf16");
    return;
  }
  for (const auto& [batch, features, hidden, layers] :
       std::vector<std::tuple<int64_t, int64_t, int64_t, int64_t>>{
           {1, 3, 16, 1}, {5, 20, 32, 2}, {70, 16, 48, 3}})
    for (const bool last_only : {false, true}) {
      CATCH_INFO("batch " << batch << " features " << features << " hidden " << hidden << " last "
                          << last_only);
      const FusedLstmOptions options{.hidden = hidden,
                                     .layers = layers,
                                     .last_only = last_only,
                                     .kernel = find_lstm_kernel(/*bf16=*/true)};
      const auto branches = make_branches(batch, features, hidden, layers);
      const Result fused = run_fused(branches, options), truth = run_reference(branches, options);
      CATCH_CHECK(worst(fused.outputs, truth.outputs) < 0.02);
      for (size_t i = 0; i < truth.grads.size(); ++i) {
        const double error = (fused.grads[i] - truth.grads[i]).norm().item<double>();
        CATCH_CHECK(error < 0.02 * truth.grads[i].norm().item<double>());
      }
    }
}
