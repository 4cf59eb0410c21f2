// The objective `segmentation` beside the same loss written out with one-hot masks, and its refusals.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <torch/types.h>

#include <catch2/catch.hpp>

#include "src/core/config.h"
#include "src/core/error.h"
#include "src/core/random.h"
#include "trainers/objective.h"
#include "trainers/objectives/mask_loss.h"

using namespace athanor;
using Catch::Matchers::Contains;

namespace {

constexpr int64_t kClasses = 5;

DataSpec masks_spec(int64_t ignore = -1) {
  DataSpec spec;
  spec.class_names = {"a", "b", "c", "d", "e"};
  spec.ignore_index = ignore;
  return spec;
}

std::unique_ptr<Objective> make_segmentation_loss(const DataSpec& spec,
                                                  const std::vector<std::string>& settings = {}) {
  ObjectiveChoice choice(objective_components(), "segmentation");
  read_config("", settings, [&](Fields& fields) { choice.config().list_fields(fields); });
  return choice.make(spec);
}

struct Sample {
  at::Tensor logits, mask, partner, share;

  // As of blended samples.
  TensorMap blended() const {
    const at::Tensor part = share.view({-1, 1, 1, 1});
    return {{"mask", mask},
            {"mask_layers", at::stack({mask, partner}, 1)},
            {"mask_shares", at::cat({1 - part, part}, 1)}};
  }
};

// Class 4 never occurs, class 3 only in the partner; the odd width leaves rests to vectorised loops.
Sample sample_of(int64_t ignore, at::MemoryFormat format = at::MemoryFormat::ChannelsLast) {
  Rng rng(11);
  Sample sample{at::empty({3, kClasses, 6, 7}), at::empty({3, 6, 7}, at::kByte),
                at::empty({3, 6, 7}, at::kByte), at::tensor({0.0f, 0.3f, 0.75f})};
  for (int64_t i = 0; i < sample.logits.numel(); ++i)
    sample.logits.mutable_data_ptr<float>()[i] = static_cast<float>(2 * rng.normal());
  for (int64_t i = 0; i < sample.mask.numel(); ++i) {
    sample.mask.mutable_data_ptr<uint8_t>()[i] = static_cast<uint8_t>(rng.below(3));
    sample.partner.mutable_data_ptr<uint8_t>()[i] = static_cast<uint8_t>(rng.below(4));
  }
  if (ignore >= 0) sample.mask.slice(1, 0, 2).fill_(ignore);
  if (ignore >= 0) sample.partner.slice(2, 4, 7).fill_(ignore);
  sample.logits = sample.logits.contiguous(format).requires_grad_(true);
  return sample;
}

struct Plain {
  double ce_weight = 1, dice_weight = 1.5, smooth = 1, gamma = 0;
  at::Tensor class_weights = at::ones({kClasses});
  int64_t ignore = -1;
};

// Masks as shares of each class [B,C,H,W]: 0 in all of them where ignored.
at::Tensor shares_of(const at::Tensor& mask, int64_t ignore) {
  const at::Tensor ids = mask.to(at::kLong), counts = ids.ne(ignore);
  return (at::one_hot(ids * counts, kClasses) * counts.unsqueeze(3)).movedim(3, 1).to(at::kDouble);
}

at::Tensor plain_loss(const at::Tensor& logits, const at::Tensor& shares, const Plain& plain) {
  const at::Tensor p = at::softmax(logits.to(at::kDouble), 1),
                   weights = plain.class_weights.view({1, -1, 1, 1});
  const at::Tensor ce =
      -(shares * weights * (1 - p).pow(plain.gamma) * p.log()).sum() / (shares * weights).sum();
  const std::vector<int64_t> all{0, 2, 3};
  const at::Tensor counted = p * shares.sum(1, true);
  const at::Tensor dice =
      (2 * (p * shares).sum(all) + plain.smooth) / (counted.sum(all) + shares.sum(all) + plain.smooth);
  return plain.ce_weight * ce + plain.dice_weight * (1 - dice.mean());
}

// Value and gradient of `objective` are those of the loss written out.
void check_same(const Objective& objective, const Sample& sample, const TensorMap& labels,
                const at::Tensor& shares, const Plain& plain) {
  const at::Tensor want = plain_loss(sample.logits, shares, plain);
  want.backward();
  const at::Tensor gradient = sample.logits.grad().clone();
  sample.logits.mutable_grad().zero_();
  const Loss loss = objective.compute({{"logits", sample.logits}}, labels);
  loss.total.backward();
  CATCH_CHECK(loss.total.item<double>() == Approx(want.item<double>()).epsilon(1e-6));
  CATCH_CHECK(loss.total.scalar_type() == at::kFloat);
  CATCH_REQUIRE(gradient.abs().max().item<double>() > 1e-3);
  CATCH_CHECK((sample.logits.grad() - gradient).abs().max().item<double>() < 1e-7);
}

}  // namespace

CATCH_TEST_CASE("segmentation: cross entropy plus 1.5 (1 - mean Dice), value and gradient", "[unit]") {
  for (const auto format : {at::MemoryFormat::ChannelsLast, at::MemoryFormat::Contiguous}) {
    const Sample sample = sample_of(-1, format);
    check_same(*make_segmentation_loss(masks_spec()), sample, {{"mask", sample.mask}},
               shares_of(sample.mask, -1), {});
  }
}

CATCH_TEST_CASE("segmentation: pixels of the ignored class count nowhere", "[unit]") {
  for (const int64_t ignore : {255, 2}) {
    CATCH_INFO(ignore);
    const Sample sample = sample_of(ignore);
    check_same(*make_segmentation_loss(masks_spec(ignore)), sample, {{"mask", sample.mask}},
               shares_of(sample.mask, ignore), {});
    const at::Tensor ignored = sample.mask.eq(ignore).unsqueeze(1).expand_as(sample.logits);
    CATCH_CHECK(sample.logits.grad().masked_select(ignored).abs().max().item<float>() == 0);
  }
}

CATCH_TEST_CASE("segmentation: every option, with blended masks, value and gradient", "[unit]") {
  const Sample sample = sample_of(255);
  const std::vector<std::string> settings{"cross_entropy_weight=0.7", "dice_weight=0.4", "dice_smooth=0.01",
                                          "class_weights=[1, 2, 0.5, 0, 3]"};
  Plain plain{0.7, 0.4, 0.01, 0, at::tensor({1.0, 2.0, 0.5, 0.0, 3.0}), 255};
  const at::Tensor share = sample.share.view({3, 1, 1, 1});
  const at::Tensor blended =
      (1 - share) * shares_of(sample.mask, 255) + share * shares_of(sample.partner, 255);
  for (const double gamma : {0.0, 2.0, 0.5}) {
    CATCH_INFO("gamma " << gamma);
    std::vector<std::string> all = settings;
    all.push_back("focal_gamma=" + std::to_string(gamma));
    plain.gamma = gamma;
    const auto objective = make_segmentation_loss(masks_spec(255), all);
    check_same(*objective, sample, {{"mask", sample.mask}}, shares_of(sample.mask, 255), plain);
    sample.logits.mutable_grad().zero_();
    check_same(*objective, sample, sample.blended(), blended, plain);
    sample.logits.mutable_grad().zero_();
  }
}

CATCH_TEST_CASE("segmentation: layers that each pixel has its own shares of, value and gradient", "[unit]") {
  const Sample sample = sample_of(255);
  at::manual_seed(7);
  const at::Tensor layers = at::randint(4, {3, 4, 6, 7}).to(at::kByte);
  layers.slice(1, 0, 2).slice(2, 2, 4).fill_(255);  // of those pixels half the layers count
  const at::Tensor shares = at::softmax(at::randn({3, 4, 6, 7}), 1);
  at::Tensor blended = at::zeros({3, kClasses, 6, 7}, at::kDouble);
  for (int64_t n = 0; n < 4; ++n) blended += shares_of(layers.select(1, n), 255) * shares.slice(1, n, n + 1);
  const Plain plain{0.7, 0.4, 0.01, 2, at::tensor({1.0, 2.0, 0.5, 0.0, 3.0}), 255};
  check_same(*make_segmentation_loss(masks_spec(255),
                                     {"cross_entropy_weight=0.7", "dice_weight=0.4", "dice_smooth=0.01",
                                      "focal_gamma=2", "class_weights=[1, 2, 0.5, 0, 3]"}),
             sample, {{"mask", sample.mask}, {"mask_layers", layers}, {"mask_shares", shares}}, blended,
             plain);
}

CATCH_TEST_CASE("segmentation: one layer of share 1 is the mask itself, to the bit", "[unit]") {
  const Sample sample = sample_of(255);
  const MaskLossRule rule{.focal_gamma = 2, .ignore = 255};
  const MaskLabels layer{
      .mask = sample.mask, .layers = sample.mask.unsqueeze(1), .shares = at::ones({3, 1, 6, 7})};
  for (const auto way : {mask_loss_by_aten, mask_loss_fused}) {
    const auto gradient = [&](const MaskLabels& labels) {
      sample.logits.mutable_grad() = at::Tensor();
      way(sample.logits, labels, rule).total.backward();
      return sample.logits.grad();
    };
    CATCH_CHECK(at::equal(way(sample.logits, layer, rule).total,
                          way(sample.logits, {.mask = sample.mask}, rule).total));
    CATCH_CHECK(at::equal(gradient(layer), gradient({.mask = sample.mask})));
  }
}

CATCH_TEST_CASE("segmentation: a share of 0 is the sample alone, of 1 its partner alone", "[unit]") {
  const Sample sample = sample_of(255);
  const auto objective = make_segmentation_loss(masks_spec(255));
  const TensorMap outputs{{"logits", sample.logits}};
  const auto loss = [&](const TensorMap& labels) {
    return objective->compute(outputs, labels).total.item<float>();
  };
  const auto mixed = [&](float share) {
    return loss(Sample{sample.logits, sample.mask, sample.partner, at::full({3}, share)}.blended());
  };
  CATCH_CHECK(mixed(0) == Approx(loss({{"mask", sample.mask}})).epsilon(1e-6));
  CATCH_CHECK(mixed(1) == Approx(loss({{"mask", sample.partner}})).epsilon(1e-6));
}

CATCH_TEST_CASE("segmentation: a batch of nothing but ignored pixels has no cross entropy and no gradient",
                "[unit]") {
  const Sample sample = sample_of(255);
  const auto objective = make_segmentation_loss(masks_spec(255));
  const Loss loss =
      objective->compute({{"logits", sample.logits}}, {{"mask", at::full({3, 6, 7}, 255, at::kByte)}});
  loss.total.backward();
  CATCH_CHECK(loss.parts.at("cross_entropy").item<float>() == 0);
  CATCH_CHECK(loss.parts.at("dice").item<float>() == Approx(0).margin(1e-6));
  CATCH_CHECK(sample.logits.grad().abs().max().item<float>() == 0);
}

CATCH_TEST_CASE("segmentation: the fused passes and ATen agree, on any number of threads bit by bit",
                "[unit]") {
  const MaskLossRule rule{.focal_gamma = 2, .class_weights = {1, 2, 0.5, 0, 3}, .ignore = 255};
  at::manual_seed(5);
  at::Tensor logits = at::randn({2, kClasses, 150, 130}).contiguous(at::MemoryFormat::ChannelsLast);
  logits.requires_grad_(true);
  const at::Tensor eight = at::randint(4, {2, 8, 150, 130}).to(at::kByte);
  eight.slice(2, 0, 20).fill_(255);
  const at::Tensor mask = eight.select(1, 0), shares = at::softmax(at::randn({2, 8, 150, 130}), 1);
  const at::Tensor of_samples = at::tensor({0.75f, 0.25f, 1.0f, 0.0f}).view({2, 2, 1, 1});
  const int threads = at::get_num_threads();
  for (const MaskLabels& labels :
       {MaskLabels{.mask = mask}, MaskLabels{mask, eight.narrow(1, 0, 2), of_samples},
        MaskLabels{mask, eight.narrow(1, 0, 4), shares.narrow(1, 0, 4)}, MaskLabels{mask, eight, shares}}) {
    CATCH_INFO((labels.layers.defined() ? labels.layers.size(1) : 1) << " layers");
    const auto run = [&](auto way, int on_threads) {
      at::set_num_threads(on_threads);
      const MaskLoss loss = way(logits, labels, rule);
      logits.mutable_grad() = at::Tensor();
      loss.total.backward();
      return std::tuple(loss.total.template item<float>(), loss.entropy.template item<float>(),
                        logits.grad());
    };
    const auto [aten, aten_entropy, aten_gradient] = run(mask_loss_by_aten, threads);
    const auto [fused, entropy, gradient] = run(mask_loss_fused, 2);
    const auto [alone, alone_entropy, alone_gradient] = run(mask_loss_fused, 1);
    at::set_num_threads(threads);
    CATCH_CHECK(fused == Approx(aten).epsilon(1e-5));
    CATCH_CHECK(entropy == Approx(aten_entropy).epsilon(1e-5));
    CATCH_CHECK((gradient - aten_gradient).abs().max().template item<float>() < 1e-8f);
    CATCH_CHECK(aten_gradient.abs().max().template item<float>() > 1e-6f);
    CATCH_CHECK(fused == alone);
    CATCH_CHECK(at::equal(gradient, alone_gradient));
  }
}

CATCH_TEST_CASE("segmentation: a class that is certain, or certainly wrong, has a finite loss and gradient",
                "[unit]") {
  for (const char* gamma : {"focal_gamma=0", "focal_gamma=0.5", "focal_gamma=2"}) {
    const auto objective = make_segmentation_loss(masks_spec(), {gamma});
    at::Tensor logits = at::zeros({1, kClasses, 1, 2});
    logits.select(1, 2).fill_(200);
    logits.requires_grad_(true);
    const Loss loss =
        objective->compute({{"logits", logits}}, {{"mask", at::tensor({2, 0}, at::kByte).view({1, 1, 2})}});
    loss.total.backward();
    CATCH_INFO(gamma);
    CATCH_CHECK(std::isfinite(loss.total.item<float>()));
    CATCH_CHECK(at::isfinite(logits.grad()).all().item<bool>());
  }
}

CATCH_TEST_CASE("segmentation: masks and settings that do not fit are refused in words", "[unit]") {
  const Sample sample = sample_of(-1);
  const auto objective = make_segmentation_loss(masks_spec());
  const auto compute = [&](const at::Tensor& mask) {
    return objective->compute({{"logits", sample.logits}}, {{"mask", mask}});
  };
  CATCH_CHECK_THROWS_WITH(compute(at::full({3, 6, 7}, 7, at::kByte)),
                          Contains("'mask'") && Contains("0 to 4") && Contains("7"));
  const auto layered = [&](const at::Tensor& layers, const at::Tensor& shares) {
    return objective->compute({{"logits", sample.logits}},
                              {{"mask", sample.mask}, {"mask_layers", layers}, {"mask_shares", shares}});
  };
  CATCH_CHECK_THROWS_WITH(layered(at::full({3, 2, 6, 7}, 7, at::kByte), at::ones({3, 2, 1, 1})),
                          Contains("'mask_layers'") && Contains("0 to 4"));
  CATCH_CHECK_THROWS_WITH(layered(at::zeros({3, 2, 6, 7}, at::kByte), at::ones({3, 4, 6, 7})),
                          Contains("not layers of the mask") && Contains("[3,4,6,7]"));
  CATCH_CHECK_THROWS_WITH(compute(at::zeros({3, 6, 8}, at::kByte)), Contains("[3,6,8]"));
  CATCH_CHECK_THROWS_WITH(make_segmentation_loss(masks_spec(), {"class_weights=[1, 2]"}),
                          Contains("class_weights") && Contains("expected 5"));
}
