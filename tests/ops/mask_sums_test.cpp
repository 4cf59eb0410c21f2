// The sums against the same in double precision, written plainly, and the gradient against differences of
// them.
#include <catch2/catch.hpp>
#include <cmath>
#include <vector>

#include "src/core/random.h"
#include "src/ops/mask_sums.h"

using namespace athanor;

namespace {

constexpr int kIgnore = 255;

struct Case {
  int64_t pixels = 0, classes = 0, pixels_a_sample = 1;
  std::vector<float> logits, weight, share;
  std::vector<uint8_t> mask, mix_mask;
  float gamma = 0;

  Case(int64_t samples, int64_t a_sample, int64_t classes, bool mixed, float gamma)
      : pixels(samples * a_sample), classes(classes), pixels_a_sample(a_sample), gamma(gamma) {
    Rng rng(static_cast<uint64_t>(pixels * 1000 + classes));
    for (int64_t i = 0; i < pixels * classes; ++i) logits.push_back(static_cast<float>(3 * rng.normal()));
    for (int64_t c = 0; c < classes; ++c) weight.push_back(static_cast<float>(0.5 + rng.uniform()));
    const auto draw = [&] {
      return static_cast<uint8_t>(rng.uniform() < 0.2 ? kIgnore : rng.below(static_cast<uint64_t>(classes)));
    };
    for (int64_t i = 0; i < pixels; ++i) mask.push_back(draw());
    for (int64_t i = 0; mixed && i < pixels; ++i) mix_mask.push_back(draw());
    for (int64_t i = 0; mixed && i < samples; ++i)
      share.push_back(i == 0 ? 0 : static_cast<float>(rng.uniform()));
  }

  MaskPixels view() const {
    return {.logits = logits.data(),
            .mask = mask.data(),
            .mix_mask = mix_mask.empty() ? nullptr : mix_mask.data(),
            .mix_share = share.data(),
            .class_weight = weight,
            .pixels_a_sample = pixels_a_sample,
            .classes = classes,
            .ignore = kIgnore,
            .focal_gamma = gamma};
  }
};

MaskSums plain_sums(const Case& one, const std::vector<double>& logits) {
  MaskSums sums;
  sums.said = sums.both = sums.truth = std::vector<double>(one.classes);
  for (int64_t i = 0; i < one.pixels; ++i) {
    const double* row = logits.data() + i * one.classes;
    double total = 0;
    for (int64_t c = 0; c < one.classes; ++c) total += std::exp(row[c]);
    const auto count = [&](int label, double share) {
      if (label == kIgnore || share == 0) return;
      const double p = std::exp(row[label]) / total;
      sums.entropy -= share * one.weight[label] * std::pow(1 - p, one.gamma) * std::log(p);
      sums.weight += share * one.weight[label];
      sums.both[label] += share * p;
      sums.truth[label] += share;
      for (int64_t c = 0; c < one.classes; ++c) sums.said[c] += share * std::exp(row[c]) / total;
    };
    const double partner = one.mix_mask.empty() ? 0 : one.share[i / one.pixels_a_sample];
    count(one.mask[i], 1 - partner);
    if (!one.mix_mask.empty()) count(one.mix_mask[i], partner);
  }
  return sums;
}

// Any function of the sums: a weighted sum of all of them.
double value_of(const MaskSums& sums, const MaskSumsGradient& by_sums) {
  double value = by_sums.entropy * sums.entropy;
  for (size_t k = 0; k < sums.said.size(); ++k)
    value += by_sums.said[k] * sums.said[k] + by_sums.both[k] * sums.both[k];
  return value;
}

std::vector<Case> cases() {
  std::vector<Case> all;
  for (const float gamma : {0.0f, 2.0f, 0.5f})
    for (const bool mixed : {false, true}) {
      all.emplace_back(1, 1, 2, mixed, gamma);
      all.emplace_back(3, 21, 5, mixed, gamma);    // 63 pixels: a block less one
      all.emplace_back(2, 65, 19, mixed, gamma);   // two blocks and a rest
      all.emplace_back(1, 64, 255, mixed, gamma);  // a block of as many classes as a byte holds
    }
  return all;
}

}  // namespace

CATCH_TEST_CASE("mask_sums: as written plainly, of any number of pixels, in one piece or several", "[unit]") {
  for (const Case& one : cases()) {
    CATCH_INFO(one.pixels << " pixels, " << one.classes << " classes, gamma " << one.gamma);
    const MaskSums want = plain_sums(one, {one.logits.begin(), one.logits.end()});
    const MaskSums whole = mask_sums(one.view(), 0, one.pixels);
    CATCH_CHECK(whole.entropy == Approx(want.entropy).epsilon(1e-5).margin(1e-5));
    CATCH_CHECK(whole.weight == Approx(want.weight).epsilon(1e-6));
    const int64_t middle = one.pixels / 3;
    const MaskSums first = mask_sums(one.view(), 0, middle), rest = mask_sums(one.view(), middle, one.pixels);
    CATCH_CHECK(first.entropy + rest.entropy == Approx(want.entropy).epsilon(1e-5).margin(1e-5));
    for (int64_t k = 0; k < one.classes; ++k) {
      CATCH_REQUIRE(whole.said[k] == Approx(want.said[k]).epsilon(1e-5).margin(1e-6));
      CATCH_REQUIRE(whole.both[k] == Approx(want.both[k]).epsilon(1e-5).margin(1e-6));
      CATCH_REQUIRE(whole.truth[k] == Approx(want.truth[k]).epsilon(1e-5));
      CATCH_REQUIRE(first.said[k] + rest.said[k] == Approx(want.said[k]).epsilon(1e-5).margin(1e-6));
    }
  }
}

CATCH_TEST_CASE("mask_sums: the gradient is that of the sums, by differences, and only its rows are written",
                "[unit]") {
  for (const Case& one : cases()) {
    if (one.classes > 19) continue;
    CATCH_INFO(one.pixels << " pixels, " << one.classes << " classes, gamma " << one.gamma);
    MaskSumsGradient by_sums{.entropy = 0.7f};
    Rng rng(3);
    for (int64_t k = 0; k < one.classes; ++k) {
      by_sums.said.push_back(static_cast<float>(rng.normal()));
      by_sums.both.push_back(static_cast<float>(rng.normal()));
    }
    std::vector<float> gradient(one.logits.size(), -77);
    const int64_t middle = one.pixels / 2;
    mask_sums_gradient(one.view(), by_sums, 0, middle, gradient.data());
    for (size_t i = middle * one.classes; i < gradient.size(); ++i) CATCH_REQUIRE(gradient[i] == -77);
    mask_sums_gradient(one.view(), by_sums, middle, one.pixels, gradient.data());
    std::vector<double> logits(one.logits.begin(), one.logits.end());
    for (size_t i = 0; i < logits.size(); i += 7) {
      constexpr double kStep = 1e-4;
      logits[i] += kStep;
      const double above = value_of(plain_sums(one, logits), by_sums);
      logits[i] -= 2 * kStep;
      const double below = value_of(plain_sums(one, logits), by_sums);
      logits[i] += kStep;
      CATCH_REQUIRE(gradient[i] == Approx((above - below) / (2 * kStep)).epsilon(1e-4).margin(2e-6));
    }
  }
}

CATCH_TEST_CASE("mask_sums: a logit that is not a number makes the sums so", "[unit]") {
  Case one(1, 70, 3, false, 0);
  one.mask.assign(70, 1);
  one.logits[3 * 66 + 2] = std::nanf("");
  const MaskSums sums = mask_sums(one.view(), 0, 70);
  CATCH_CHECK(std::isnan(sums.entropy));
  CATCH_CHECK(std::isnan(sums.said[0]));
  std::vector<float> gradient(one.logits.size());
  mask_sums_gradient(one.view(), {.entropy = 1, .said = {1, 1, 1}, .both = {1, 1, 1}}, 0, 70,
                     gradient.data());
  CATCH_CHECK(std::isnan(gradient[3 * 66]));
  CATCH_CHECK(std::isfinite(gradient[3 * 65]));
}

CATCH_TEST_CASE("mask_sums: logits a thousand apart have finite sums and gradients", "[unit]") {
  Case one(1, 4, 3, false, 0.5f);
  one.logits = {1000, 0, 0, 0, 1000, 0, -1000, -1000, -1000, 0, 0, -1000};
  one.mask = {0, 0, 1, kIgnore};
  const MaskSums sums = mask_sums(one.view(), 0, 4);
  CATCH_CHECK(std::isfinite(sums.entropy));
  CATCH_CHECK(sums.entropy > 400);
  std::vector<float> gradient(12);
  mask_sums_gradient(one.view(), {.entropy = 1, .said = {1, 1, 1}, .both = {1, 1, 1}}, 0, 4, gradient.data());
  for (const float value : gradient) CATCH_CHECK(std::isfinite(value));
  for (size_t i = 9; i < 12; ++i) CATCH_CHECK(gradient[i] == 0);
}
