// Activation checkpointing: the same bits, less memory.
#include <ATen/ATen.h>
#include <ATen/autocast_mode.h>
#include <torch/types.h>

#include <catch2/catch.hpp>

#include "models/layers/checkpointed.h"
#include "models/layers/fused_lstm.h"
#include "tests/models/sample_data.h"

using namespace athanor;

namespace {

using Tensors = std::vector<at::Tensor>;

// x, w -> a layer with dropout
Tensors layer(const Tensors& in) { return {at::dropout(at::gelu(at::matmul(in[0], in[1])), 0.3, true)}; }

Tensors layer_checkpointed(const Tensors& in) { return checkpointed(layer, in); }

struct Run {
  at::Tensor loss;
  Tensors grads;
};

// Two layers, each by `run`, or both inside one more checkpoint.
Run run_two(const TensorFunction& run, bool nested) {
  at::manual_seed(4);
  const at::Tensor x = at::randn({9, 12}).requires_grad_(), v = at::randn({12, 12}).requires_grad_(),
                   w = at::randn({12, 12}).requires_grad_();
  const auto both = [&run](const Tensors& in) { return run({run({in[0], in[1]})[0], in[2]}); };
  at::manual_seed(6);
  const at::Tensor y = (nested ? checkpointed(both, {x, v, w}) : both({x, v, w}))[0];
  // What is drawn between the passes must not show in the second.
  const at::Tensor noise = at::rand({5});
  const at::Tensor loss = y.pow(2).sum() + noise.sum();
  loss.backward();
  return {loss.detach(), {x.grad(), v.grad(), w.grad(), at::rand({3})}};
}

void check_same(const Run& a, const Run& b) {
  CATCH_CHECK(a.loss.equal(b.loss));
  for (size_t i = 0; i < a.grads.size(); ++i) CATCH_CHECK(a.grads[i].equal(b.grads[i]));
}

std::vector<std::pair<std::string, at::Tensor>> gradients(Model& model, const TensorMap& inputs) {
  model.set_training(true);
  at::manual_seed(8);
  at::Tensor loss = at::zeros({});
  for (const auto& [name, output] : model.forward(inputs)) loss = loss + output.pow(2).sum();
  loss.backward();
  std::vector<std::pair<std::string, at::Tensor>> all = {{"loss", loss.detach()}};
  for (const auto& [name, parameter] : model.parameters()) all.emplace_back(name, parameter.grad().clone());
  return all;
}

}  // namespace

CATCH_TEST_CASE("checkpointed: losses, gradients and what is drawn afterwards are the same bits, nested too",
                "[unit]") {
  const Run plain = run_two(layer, false);
  check_same(run_two(layer_checkpointed, false), plain);
  check_same(run_two(layer, true), plain);
  check_same(run_two(layer_checkpointed, true), plain);
}

CATCH_TEST_CASE("checkpointed: bf16 autocast of the forward pass holds in the second run too", "[unit]") {
  const auto with_autocast = [](const TensorFunction& run) {
    at::manual_seed(4);
    const at::Tensor x = at::randn({9, 12}), w = at::randn({12, 12}).requires_grad_();
    at::autocast::set_autocast_enabled(at::kCPU, true);
    const at::Tensor y = run({x, w})[0];
    at::autocast::clear_cache();
    at::autocast::set_autocast_enabled(at::kCPU, false);
    y.to(at::kFloat).pow(2).sum().backward();
    CATCH_CHECK(y.scalar_type() == at::kBFloat16);
    return w.grad();
  };
  CATCH_CHECK(with_autocast(layer_checkpointed).equal(with_autocast(layer)));
}

CATCH_TEST_CASE("checkpoint_activations: multi_timeframe_lstm's loss and gradients keep their bits",
                "[unit]") {
  const DataSpec spec = small_spec(true);
  const TensorMap inputs = random_inputs(spec, 6, 2);
  for (const std::string fused : {"true", "false"})
    for (const std::string fusion : {"mean", "attention"}) {
      CATCH_INFO("fused_lstm=" << fused << " fusion=" << fusion);
      const auto run = [&](const std::string& checkpoint) {
        const auto model = build_model("multi_timeframe_lstm",
                                       {"hidden=32", "ffn=64", "layers=3", "fusion=" + fusion,
                                        "fused_lstm=" + fused, "checkpoint_activations=" + checkpoint},
                                       spec);
        return gradients(*model, inputs);
      };
      const auto kept = run("false"), again = run("true");
      for (size_t i = 0; i < kept.size(); ++i) {
        CATCH_INFO(kept[i].first);
        CATCH_CHECK(again[i].second.equal(kept[i].second));
      }
    }
}

CATCH_TEST_CASE("fused lstm: recomputing segments gives the same bits, in a fraction of the memory",
                "[unit]") {
  if (find_lstm_kernel(/*bf16=*/false) == nullptr) {
    CATCH_WARN("skipped: this CPU has neither AVX2 nor AVX-512");
    return;
  }
  // 200 steps make 25 segments of 8, 203 leave a rest, 5 are less than one.
  for (const int64_t steps : {200, 203, 5})
    for (const bool last_only : {true, false}) {
      CATCH_INFO(steps << " steps, last_only " << last_only);
      Tensors weights;
      at::manual_seed(2);
      for (const std::vector<int64_t>& shape :
           std::vector<std::vector<int64_t>>{{64, 5}, {64, 16}, {64}, {64}, {64, 16}, {64, 16}, {64}, {64}})
        weights.push_back(((at::rand(shape) - 0.5) * 0.6).requires_grad_());
      const at::Tensor x = at::randn({70, steps, 5});
      const LstmState first{at::randn({2, 70, 16}), at::randn({2, 70, 16})};
      std::vector<Tensors> results;
      std::vector<int64_t> floats;
      for (const bool recompute : {false, true}) {
        const auto workspace = std::make_shared<LstmWorkspace>();
        std::vector<LstmBranch> branches = {{x, weights, first}};
        at::manual_seed(3);
        const Tensors out = fused_lstm(
            branches,
            {.hidden = 16, .layers = 2, .dropout = 0.2, .last_only = last_only, .recompute = recompute},
            workspace);
        (out[0] * at::linspace(-1, 1, out[0].numel()).view_as(out[0])).sum().backward();
        Tensors result = {out[0].detach(), branches[0].state.h, branches[0].state.c};
        for (at::Tensor& weight : weights) {
          result.push_back(weight.grad().clone());
          weight.mutable_grad() = at::Tensor();
        }
        results.push_back(result);
        floats.push_back(workspace->take(0).numel());
      }
      for (size_t i = 0; i < results[0].size(); ++i) CATCH_CHECK(results[1][i].equal(results[0][i]));
      if (steps > 100) CATCH_CHECK(floats[1] * 4 < floats[0]);
    }
}
