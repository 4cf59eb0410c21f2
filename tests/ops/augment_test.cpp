// The fused pass against the steps written out one by one (ops/augment_reference.h), for every kernel that
// this CPU runs.
#include <bit>
#include <catch2/catch.hpp>
#include <cmath>
#include <string>
#include <vector>

#include "src/core/thread_pool.h"
#include "src/ops/augment_rows.h"
#include "tests/ops/augment_fixtures.h"

using namespace athanor;

namespace {

Result fused(const AugmentKernel& kernel, const Pictures& p, const AugmentRule& rule, ThreadPool& pool,
             bool with_mask = true) {
  Result out{std::vector<float>(static_cast<size_t>(p.shape.batch * 3 * p.out_size()), -9),
             std::vector<uint8_t>(static_cast<size_t>(p.shape.batch * p.out_size()), 77)};
  augment_images_by(kernel,
                    {.shape = p.shape,
                     .image = p.image.data(),
                     .mask = with_mask ? p.mask.data() : nullptr,
                     .changes = p.changes.data(),
                     .out_image = out.image.data(),
                     .out_mask = with_mask ? out.mask.data() : nullptr},
                    rule, pool);
  return out;
}

// Each kernel's result is the written-out one.
void check_kernels(const Pictures& p, const AugmentRule& rule, double tolerance = 1e-4) {
  const Result truth = written_out(p, rule);
  ThreadPool pool(0);
  for (const AugmentKernel* kernel : augment_kernels()) {
    CATCH_INFO(kernel->name << " " << p.shape.height << "x" << p.shape.width << " -> " << p.shape.out_height
                            << "x" << p.shape.out_width << " border " << static_cast<int>(rule.border));
    const Result got = fused(*kernel, p, rule, pool);
    CATCH_CHECK(largest_difference(got.image, truth.image) < tolerance);
    CATCH_CHECK(got.mask == truth.mask);
  }
}

}  // namespace

CATCH_TEST_CASE("augment: a CPU has the scalar kernel at least, and the fastest stands first", "[unit]") {
  CATCH_REQUIRE_FALSE(augment_kernels().empty());
  CATCH_CHECK(std::string(augment_kernels().back()->name) == "scalar");
#if defined(__x86_64__)
  CATCH_CHECK((augment_kernels().front() == &kAugmentAvx512) ==
              (__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq")));
#endif
}

CATCH_TEST_CASE("augment: whatever is drawn, at any shape and border, equals the steps one by one",
                "[unit]") {
  const int64_t shapes[][4] = {{1, 1, 1, 1},     {1, 1, 5, 3},     {1, 9, 4, 17},   {2, 3, 2, 3},
                               {17, 16, 17, 16}, {33, 31, 33, 31}, {20, 37, 9, 15}, {64, 48, 80, 65}};
  Rng random(5);
  for (const auto& [height, width, out_height, out_width] : shapes)
    for (const Border border : kBorders) {
      Pictures p({6, height, width, out_height, out_width}, random.below(1000));
      for (PictureChange& change : p.changes) change = drawn_change(random, p.shape);
      check_kernels(p, rule_with(border));
    }
}

CATCH_TEST_CASE("augment: the standard set's ranges stay within 1e-4 of the steps after normalisation",
                "[unit]") {
  Rng random(6);
  Pictures p({12, 61, 70, 61, 70}, 3);
  for (size_t i = 0; i < p.changes.size(); ++i) {
    PictureChange& change = p.changes[i];
    change = drawn_change(random, p.shape);
    change.blur_sigma_px = change.hue_turns = 0;
    change.saturation = 1;
    change.brightness = static_cast<float>(0.8 + 0.4 * random.uniform());
    change.contrast = static_cast<float>(0.8 + 0.4 * random.uniform());
    if (i % 3 == 0) change.map = {};
  }
  for (const Border border : kBorders) check_kernels(p, rule_with(border, true));
}

CATCH_TEST_CASE("augment: flips and windows pick pixels without changing them", "[unit]") {
  Pictures p({5, 30, 41, 20, 21}, 8);
  p.changes[0].map = {.x0 = 7, .y0 = 3};              // inside
  p.changes[1].map = {.xx = -1, .x0 = 40, .y0 = 10};  // mirrored, touching two edges
  p.changes[2].map = {.x0 = 21};                      // a column beyond the right edge
  p.changes[3].map = {.xx = -1, .x0 = 19, .y0 = 2};   // a column beyond the left edge
  p.changes[4].map = {.yy = -1, .y0 = 29};            // upside down: no window
  for (const Border border : kBorders) check_kernels(p, rule_with(border), 1e-6);
  ThreadPool pool(0);
  const Result got = fused(*augment_kernels().front(), p, rule_with(Border::kConstant), pool);
  CATCH_CHECK(got.mask[0] == p.mask[3 * 41 + 7]);
  CATCH_CHECK(got.mask[20 * 21] == p.mask[30 * 41 + 10 * 41 + 40]);
}

CATCH_TEST_CASE("augment: maps that lead far outside show the border alone", "[unit]") {
  Pictures p({4, 19, 23, 19, 23}, 9);
  p.changes[0].map = {.x0 = 1e9};
  p.changes[1].map = {.x0 = -1e9, .y0 = -1e9};
  p.changes[2].map = {.xx = 4000, .xy = -4000, .yx = 4000, .yy = 4000};
  p.changes[3].map = {.xx = 0, .x0 = 11.5, .yy = 0, .y0 = 3.25};  // one point
  for (const Border border : kBorders) check_kernels(p, rule_with(border));
  ThreadPool pool(0);
  const Result got = fused(*augment_kernels().front(), p, rule_with(Border::kConstant), pool);
  CATCH_CHECK(got.image[0] == Approx(124 / 255.0).margin(1e-5));
  CATCH_CHECK(got.mask[0] == 255);
}

CATCH_TEST_CASE("augment: an untouched picture is its bytes, normalised", "[unit]") {
  const Pictures p({2, 12, 35, 12, 35}, 10);
  const AugmentRule rule = rule_with(Border::kConstant, true);
  ThreadPool pool(0);
  for (const AugmentKernel* kernel : augment_kernels()) {
    const Result got = fused(*kernel, p, rule, pool);
    for (size_t i = 0; i < p.image.size(); ++i) {
      const size_t c = i / (12 * 35) % 3;
      CATCH_REQUIRE(got.image[i] ==
                    Approx((p.image[i] / 255.0 - kMean[c]) / kStd[c]).margin(2e-6).epsilon(0));
    }
    CATCH_CHECK(got.mask == p.mask);
  }
}

CATCH_TEST_CASE("augment: any number of threads gives the same bits", "[unit]") {
  Rng random(12);
  for (const int64_t batch : {1, 2, 3, 5}) {
    Pictures p({batch, 45, 52, 39, 50}, 11);
    for (PictureChange& change : p.changes) {
      change = drawn_change(random, p.shape);
      change.contrast = 1.2F;  // needs the sum over all bands
    }
    p.changes[0].blur_sigma_px = 1.3;
    for (const AugmentKernel* kernel : augment_kernels()) {
      ThreadPool alone(0);
      const Result one = fused(*kernel, p, rule_with(Border::kReflect), alone);
      for (const int helpers : {1, 2, 6}) {
        CATCH_INFO(kernel->name << ", " << batch << " pictures, " << helpers + 1 << " threads");
        ThreadPool pool(helpers);
        const Result many = fused(*kernel, p, rule_with(Border::kReflect), pool);
        CATCH_CHECK(many.image == one.image);
        CATCH_CHECK(many.mask == one.mask);
      }
    }
  }
}

CATCH_TEST_CASE("augment: bf16 is the fp32 result rounded to nearest, halves to even", "[unit]") {
  Rng random(13);
  Pictures p({6, 21, 34, 21, 34}, 14);
  for (PictureChange& change : p.changes) change = drawn_change(random, p.shape);
  p.changes[0] = {};
  const AugmentRule rule = rule_with(Border::kReplicate, true);
  ThreadPool pool(1);
  for (const AugmentKernel* kernel : augment_kernels()) {
    const Result whole = fused(*kernel, p, rule, pool);
    std::vector<uint16_t> halves(whole.image.size() + 1, 0x1234);
    augment_images_by(*kernel,
                      {.shape = p.shape,
                       .image = p.image.data(),
                       .changes = p.changes.data(),
                       .out_image = halves.data(),
                       .out_type = PixelType::kBFloat16},
                      rule, pool);
    for (size_t i = 0; i < whole.image.size(); ++i) {
      const float half = std::bit_cast<float>(static_cast<uint32_t>(halves[i]) << 16);
      const float ulp = std::ldexp(1.0F, std::ilogb(whole.image[i]) - 7);
      CATCH_REQUIRE(std::abs(half - whole.image[i]) <= ulp / 2);
      const uint32_t bits = std::bit_cast<uint32_t>(whole.image[i]);
      if ((bits & 0xffffU) == 0x8000U) CATCH_REQUIRE((halves[i] & 1U) == 0);
    }
    CATCH_CHECK(halves.back() == 0x1234);
  }
}

CATCH_TEST_CASE("augment: a large batch, which is written past the caches, has the values of a small one",
                "[unit]") {
  Rng random(19);
  Pictures p({3, 50, 40, 501, 607}, 20);
  for (PictureChange& change : p.changes) change = drawn_change(random, p.shape);
  p.changes[1].contrast = 1;
  p.changes[1].blur_sigma_px = 0;
  ThreadPool pool(1);
  const Result large = fused(*augment_kernels().front(), p, rule_with(Border::kConstant), pool);
  CATCH_REQUIRE(large.image.size() * sizeof(float) > size_t{8} << 20);
  const int64_t part = 3 * p.out_size();
  for (int64_t b = 0; b < 3; ++b) {
    Pictures one({1, 50, 40, 501, 607}, 0);
    one.image.assign(p.image.begin() + b * 6000, p.image.begin() + (b + 1) * 6000);
    one.changes = {p.changes[static_cast<size_t>(b)]};
    const Result small = fused(*augment_kernels().front(), one, rule_with(Border::kConstant), pool);
    CATCH_REQUIRE(small.image.size() * sizeof(float) < size_t{4} << 20);
    CATCH_CHECK(std::equal(small.image.begin(), small.image.end(), large.image.begin() + b * part));
  }
}

CATCH_TEST_CASE("augment: without masks the pictures are the same and no mask is touched", "[unit]") {
  Rng random(15);
  Pictures p({4, 18, 29, 18, 29}, 16);
  for (PictureChange& change : p.changes) change = drawn_change(random, p.shape);
  p.changes[1].map = {};
  ThreadPool pool(0);
  for (const AugmentKernel* kernel : augment_kernels()) {
    const Result with = fused(*kernel, p, rule_with(Border::kConstant), pool);
    const Result without = fused(*kernel, p, rule_with(Border::kConstant), pool, false);
    CATCH_CHECK(with.image == without.image);
    CATCH_CHECK(without.mask == std::vector<uint8_t>(without.mask.size(), 77));
  }
}

CATCH_TEST_CASE("augment: nothing is written outside the output, whatever its width", "[unit]") {
  Rng random(17);
  ThreadPool pool(0);
  for (int64_t width = 1; width <= 35; ++width) {
    Pictures p({2, 6, 24, 5, width}, 18);
    p.changes[0] = drawn_change(random, p.shape);
    const int64_t size = 2 * 5 * width, guard = 64;
    for (const AugmentKernel* kernel : augment_kernels()) {
      std::vector<float> image(static_cast<size_t>(3 * size + 2 * guard), -9);
      std::vector<uint8_t> mask(static_cast<size_t>(size + 2 * guard), 77);
      augment_images_by(*kernel,
                        {.shape = p.shape,
                         .image = p.image.data(),
                         .mask = p.mask.data(),
                         .changes = p.changes.data(),
                         .out_image = image.data() + guard,
                         .out_mask = mask.data() + guard},
                        rule_with(Border::kConstant), pool);
      for (int64_t i = 0; i < guard; ++i) {
        CATCH_REQUIRE(image[static_cast<size_t>(i)] == -9);
        CATCH_REQUIRE(image[image.size() - 1 - static_cast<size_t>(i)] == -9);
        CATCH_REQUIRE(mask[static_cast<size_t>(i)] == 77);
        CATCH_REQUIRE(mask[mask.size() - 1 - static_cast<size_t>(i)] == 77);
      }
    }
  }
}
