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

// What a pixel's true classes are: one, or layers with shares of whole samples or of each pixel.
struct Layers {
  int64_t count = 1;
  bool shared = false, a_pixel = false;
};

struct Case {
  int64_t pixels = 0, classes = 0, pixels_a_sample = 1;
  Layers kind;
  std::vector<float> logits, weight, shares;
  std::vector<uint8_t> layers;
  float gamma = 0;

  Case(int64_t samples, int64_t a_sample, int64_t classes, const Layers& kind, float gamma)
      : pixels(samples * a_sample), classes(classes), pixels_a_sample(a_sample), kind(kind), gamma(gamma) {
    Rng rng(static_cast<uint64_t>(pixels * 1000 + classes));
    for (int64_t i = 0; i < pixels * classes; ++i) logits.push_back(static_cast<float>(3 * rng.normal()));
    for (int64_t c = 0; c < classes; ++c) weight.push_back(static_cast<float>(0.5 + rng.uniform()));
    for (int64_t i = 0; i < pixels * kind.count; ++i)
      layers.push_back(
          static_cast<uint8_t>(rng.uniform() < 0.2 ? kIgnore : rng.below(static_cast<uint64_t>(classes))));
    for (int64_t i = 0; kind.shared && i < (kind.a_pixel ? pixels : samples) * kind.count; ++i)
      shares.push_back(i % 5 == 0 ? 0 : static_cast<float>(rng.uniform()));
  }

  MaskPixels view() const {
    return {.logits = logits.data(),
            .layers = layers.data(),
            .shares = kind.shared ? shares.data() : nullptr,
            .class_weight = weight,
            .layer_count = kind.count,
            .pixels_a_sample = pixels_a_sample,
            .pixels_a_share = kind.a_pixel ? 1 : pixels_a_sample,
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
    const int64_t sample = i / one.pixels_a_sample, place = i % one.pixels_a_sample;
    for (int64_t n = 0; n < one.kind.count; ++n) {
      const int64_t plane = sample * one.kind.count + n, at = plane * one.pixels_a_sample + place;
      count(one.layers[at], !one.kind.shared ? 1 : one.shares[one.kind.a_pixel ? at : plane]);
    }
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
    for (const Layers& kind : {Layers{}, Layers{2, true}, Layers{4, true, true}, Layers{8, true, true}}) {
      all.emplace_back(1, 1, 2, kind, gamma);
      all.emplace_back(3, 21, 5, kind, gamma);    // 63 pixels: a block less one
      all.emplace_back(2, 65, 19, kind, gamma);   // two blocks and a rest
      all.emplace_back(1, 64, 255, kind, gamma);  // a block of as many classes as a byte holds
    }
  return all;
}

}  // namespace

CATCH_TEST_CASE("mask_sums: as written plainly, of any number of pixels, in one piece or several", "[unit]") {
  for (const Case& one : cases()) {
    CATCH_INFO(one.pixels << " pixels, " << one.classes << " classes, " << one.kind.count << " layers, gamma "
                          << one.gamma);
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
    CATCH_INFO(one.pixels << " pixels, " << one.classes << " classes, " << one.kind.count << " layers, gamma "
                          << one.gamma);
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

CATCH_TEST_CASE("mask_sums: one layer of share 1, or four that are the same, equal the one class", "[unit]") {
  const Case hard(3, 67, 6, {}, 2.0f);
  Case one(3, 67, 6, {1, true, true}, 2.0f), four(3, 67, 6, {4, true, true}, 2.0f);
  one.shares.assign(one.shares.size(), 1);
  four.shares.assign(four.shares.size(), 0.25f);
  four.layers.clear();
  for (int64_t plane = 0; plane < 3 * 4; ++plane)
    four.layers.insert(four.layers.end(), hard.layers.begin() + plane / 4 * 67,
                       hard.layers.begin() + (plane / 4 + 1) * 67);
  const MaskSumsGradient by_sums{0.7f, {1, -1, 2, 0.5f, 3, -2}, {0.3f, 1, -1, 2, 4, 0}};
  const auto results = [&](const MaskPixels& pixels) {
    std::vector<float> gradient(hard.logits.size());
    mask_sums_gradient(pixels, by_sums, 0, hard.pixels, gradient.data());
    return std::pair(mask_sums(pixels, 0, hard.pixels), gradient);
  };
  const auto same_pixels = [&](Case& other) {
    other.logits = hard.logits;
    other.weight = hard.weight;
    return results(other.view());
  };
  const auto [sums, gradient] = results(hard.view());
  one.layers = hard.layers;
  const auto [one_sums, one_gradient] = same_pixels(one);
  const auto [four_sums, four_gradient] = same_pixels(four);
  CATCH_CHECK(one_sums.entropy == sums.entropy);
  CATCH_CHECK(one_sums.said == sums.said);
  CATCH_CHECK(one_sums.both == sums.both);
  CATCH_CHECK(one_gradient == gradient);
  CATCH_CHECK(four_sums.entropy == Approx(sums.entropy).epsilon(1e-6));
  for (size_t i = 0; i < gradient.size(); ++i)
    CATCH_REQUIRE(four_gradient[i] == Approx(gradient[i]).epsilon(1e-5).margin(1e-6));
}

CATCH_TEST_CASE("mask_sums: a logit that is not a number makes the sums so", "[unit]") {
  Case one(1, 70, 3, {}, 0);
  one.layers.assign(70, 1);
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
  Case one(1, 4, 3, {}, 0.5f);
  one.logits = {1000, 0, 0, 0, 1000, 0, -1000, -1000, -1000, 0, 0, -1000};
  one.layers = {0, 0, 1, kIgnore};
  const MaskSums sums = mask_sums(one.view(), 0, 4);
  CATCH_CHECK(std::isfinite(sums.entropy));
  CATCH_CHECK(sums.entropy > 400);
  std::vector<float> gradient(12);
  mask_sums_gradient(one.view(), {.entropy = 1, .said = {1, 1, 1}, .both = {1, 1, 1}}, 0, 4, gradient.data());
  for (const float value : gradient) CATCH_CHECK(std::isfinite(value));
  for (size_t i = 9; i < 12; ++i) CATCH_CHECK(gradient[i] == 0);
}
