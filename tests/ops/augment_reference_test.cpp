// Each step of augmentation by itself, on pictures whose answer can be said in words.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <numeric>
#include <vector>

#include "src/core/random.h"
#include "src/ops/augment_position.h"
#include "src/ops/augment_reference.h"

using namespace athanor;
using namespace athanor::augment_reference;

namespace {

FloatImage noise(int64_t height, int64_t width, uint64_t seed = 1) {
  Rng random(seed);
  FloatImage out{height, width, {}};
  for (int64_t i = 0; i < 3 * height * width; ++i) out.pixels.push_back(static_cast<float>(random.uniform()));
  return out;
}

// One pixel of the given colour.
FloatImage pixel(float red, float green, float blue) { return {1, 1, {red, green, blue}}; }

float at(const FloatImage& image, int64_t c, int64_t y, int64_t x) {
  return image.plane(c)[y * image.width + x];
}

void check_colour(const FloatImage& image, float red, float green, float blue) {
  CATCH_CHECK(image.pixels[0] == Approx(red).margin(1e-6));
  CATCH_CHECK(image.pixels[1] == Approx(green).margin(1e-6));
  CATCH_CHECK(image.pixels[2] == Approx(blue).margin(1e-6));
}

}  // namespace

CATCH_TEST_CASE("augment steps: a quarter turn moves every pixel to where it belongs", "[unit]") {
  const FloatImage image = noise(4, 5);
  // Output (x,y) shows source (y, 3 - x): [4,5] turned onto [5,4].
  const FloatImage turned = warp(image, {.xx = 0, .xy = 1, .yx = -1, .yy = 0, .y0 = 3}, 5, 4, {});
  for (int64_t c = 0; c < 3; ++c)
    for (int64_t y = 0; y < 5; ++y)
      for (int64_t x = 0; x < 4; ++x) CATCH_CHECK(at(turned, c, y, x) == at(image, c, 3 - x, y));
}

CATCH_TEST_CASE("augment steps: compose(inner, outer) looks where inner looks from outer's place", "[unit]") {
  const Affine inner{.xx = 2, .xy = 1, .x0 = -3, .yx = 0.5, .yy = -1, .y0 = 4};
  const Affine outer{.xx = 0, .xy = -1, .x0 = 5, .yx = 3, .yy = 2, .y0 = 1};
  const Affine both = compose(inner, outer);
  const double x = 7, y = -2;
  const double ox = outer.xx * x + outer.xy * y + outer.x0, oy = outer.yx * x + outer.yy * y + outer.y0;
  CATCH_CHECK(both.xx * x + both.xy * y + both.x0 == inner.xx * ox + inner.xy * oy + inner.x0);
  CATCH_CHECK(both.yx * x + both.yy * y + both.y0 == inner.yx * ox + inner.yy * oy + inner.y0);
}

CATCH_TEST_CASE("augment steps: between two pixels lies their mean, and beyond the edge the border",
                "[unit]") {
  const FloatImage image{1, 2, {0.2F, 0.6F, 0, 0, 0, 0}};
  const auto value = [&](double x, Border border) {
    AugmentRule rule{.border = border, .fill = {255, 255, 255}};
    return at(warp(image, {.x0 = x}, 1, 1, rule), 0, 0, 0);
  };
  for (const Border border : {Border::kConstant, Border::kReplicate, Border::kReflect})
    CATCH_CHECK(value(0.5, border) == Approx(0.4));
  CATCH_CHECK(value(-0.5, Border::kConstant) == Approx(0.6));  // half of white
  CATCH_CHECK(value(-7, Border::kConstant) == 1);
  CATCH_CHECK(value(-7, Border::kReplicate) == Approx(0.2));
  CATCH_CHECK(value(-1, Border::kReflect) == Approx(0.2));  // its mirror image, the edge pixel twice
  CATCH_CHECK(value(-2, Border::kReflect) == Approx(0.6));
  CATCH_CHECK(value(3, Border::kReflect) == Approx(0.2));
}

CATCH_TEST_CASE("augment steps: masks take the nearest class, halves upwards, and the fill class outside",
                "[unit]") {
  const std::vector<uint8_t> mask = {3, 9};
  const auto classes = [&](double x, Border border) {
    const AugmentRule rule{.border = border, .mask_fill = 200};
    return warp_mask(mask.data(), 1, 2, {.x0 = x}, 1, 1, rule)[0];
  };
  CATCH_CHECK(classes(0.49, Border::kConstant) == 3);
  CATCH_CHECK(classes(0.5, Border::kConstant) == 9);
  CATCH_CHECK(classes(-0.5, Border::kConstant) == 3);
  CATCH_CHECK(classes(-0.51, Border::kConstant) == 200);
  CATCH_CHECK(classes(1.5, Border::kConstant) == 200);
  CATCH_CHECK(classes(1.5, Border::kReplicate) == 9);
  CATCH_CHECK(classes(3, Border::kReflect) == 3);
}

CATCH_TEST_CASE("augment steps: a blur keeps flat colours and the sum, and spreads a point as its weights",
                "[unit]") {
  const std::vector<float> weights = blur_weights(1.5);
  CATCH_CHECK(weights.size() == 11);
  CATCH_CHECK(std::accumulate(weights.begin(), weights.end(), 0.0) == Approx(1));
  CATCH_CHECK(blur_weights(1000).size() == 2 * kLargestBlurRadius + 1);
  FloatImage point{21, 21, std::vector<float>(3 * 21 * 21, 0)};
  point.plane(1)[10 * 21 + 10] = 1;
  const FloatImage spread = blur(point, 1.5);
  for (int64_t i = -5; i <= 5; ++i)
    CATCH_CHECK(at(spread, 1, 10 + i, 7) == Approx(weights[static_cast<size_t>(5 + i)] * weights[2]));
  CATCH_CHECK(at(spread, 0, 10, 10) == 0);
  const FloatImage flat{3, 4, std::vector<float>(36, 0.25F)};  // smaller than the blur
  for (const float value : blur(flat, 4).pixels) CATCH_CHECK(value == Approx(0.25));
  CATCH_CHECK(blur(noise(5, 5), 0).pixels == noise(5, 5).pixels);
}

CATCH_TEST_CASE("augment steps: mirrored() repeats no edge, however far", "[unit]") {
  std::vector<int64_t> places;
  for (int64_t i = -5; i < 8; ++i) places.push_back(mirrored(i, 3));
  CATCH_CHECK(places == std::vector<int64_t>{1, 0, 1, 2, 1, 0, 1, 2, 1, 0, 1, 2, 1});
  CATCH_CHECK(mirrored(-9, 1) == 0);
}

CATCH_TEST_CASE("augment steps: brightness multiplies and stops at white", "[unit]") {
  check_colour(brightness(pixel(0.2F, 0.5F, 0.9F), 1.5F), 0.3F, 0.75F, 1);
}

CATCH_TEST_CASE("augment steps: without contrast all is the mean grey, without saturation each pixel its own",
                "[unit]") {
  const FloatImage image = noise(6, 7);
  double grey = 0;
  for (int64_t i = 0; i < 42; ++i)
    grey += 0.2989 * image.plane(0)[i] + 0.587 * image.plane(1)[i] + 0.114 * image.plane(2)[i];
  for (const float value : contrast(image, 0).pixels) CATCH_CHECK(value == Approx(grey / 42).margin(1e-6));
  check_colour(saturation(pixel(1, 0, 0), 0), 0.2989F, 0.2989F, 0.2989F);
  check_colour(saturation(pixel(0.5F, 0.5F, 0.5F), 2), 0.50005F, 0.50005F, 0.50005F);  // weights: 0.9999
  for (size_t i = 0; i < image.pixels.size(); ++i)
    CATCH_CHECK(contrast(image, 1).pixels[i] == Approx(image.pixels[i]).margin(1e-6));
}

CATCH_TEST_CASE("augment steps: a third of a turn of hue passes each colour on, a whole one changes nothing",
                "[unit]") {
  check_colour(hue(pixel(0.9F, 0.4F, 0.1F), 1 / 3.0F), 0.1F, 0.9F, 0.4F);
  check_colour(hue(pixel(0.9F, 0.4F, 0.1F), -1 / 3.0F), 0.4F, 0.1F, 0.9F);
  check_colour(hue(pixel(0.9F, 0.4F, 0.1F), 1), 0.9F, 0.4F, 0.1F);
  check_colour(hue(pixel(0.3F, 0.3F, 0.3F), 0.4F), 0.3F, 0.3F, 0.3F);  // grey has no hue
}

CATCH_TEST_CASE("augment steps: normalisation takes the mean off and divides, each channel by its own",
                "[unit]") {
  const float mean[3] = {0.5F, 0.25F, 0}, std[3] = {0.5F, 0.25F, 2};
  check_colour(normalise(pixel(1, 0, 1), mean, std), 1, -1, 0.5F);
}
