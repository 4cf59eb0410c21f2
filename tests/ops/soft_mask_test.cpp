// Soft masks against the same written out pixel by pixel, and against what the image's pass makes of a
// picture of one class.
#include <catch2/catch.hpp>
#include <vector>

#include "src/core/thread_pool.h"
#include "src/ops/augment.h"
#include "src/ops/soft_mask.h"
#include "tests/ops/augment_fixtures.h"

using namespace athanor;

namespace {

using Soft = augment_reference::SoftMask;

Soft soft_of(const Pictures& p, const AugmentRule& rule, int threads = 0) {
  const auto size = static_cast<size_t>(p.shape.batch * kSoftLayers * p.out_size());
  Soft out{std::vector<uint8_t>(size, 77), std::vector<float>(size, -9)};
  ThreadPool pool(threads);
  soft_masks({.shape = p.shape,
              .mask = p.mask.data(),
              .changes = p.changes.data(),
              .layers = out.layers.data(),
              .shares = out.shares.data()},
             rule, pool);
  return out;
}

Soft written_out_soft(const Pictures& p, const AugmentRule& rule) {
  Soft out;
  const AugmentShape& s = p.shape;
  for (int64_t b = 0; b < s.batch; ++b) {
    const PictureChange& change = p.changes[static_cast<size_t>(b)];
    Soft one = augment_reference::warp_soft_mask(p.mask.data() + b * s.height * s.width, s.height, s.width,
                                                 change.map, s.out_height, s.out_width, rule);
    if (change.mirrored && rule.class_mirror != nullptr)
      for (uint8_t& id : one.layers) id = rule.class_mirror[id];
    out.layers.insert(out.layers.end(), one.layers.begin(), one.layers.end());
    out.shares.insert(out.shares.end(), one.shares.begin(), one.shares.end());
  }
  return out;
}

// Maps as they are drawn, and at the end: none, a mirror, and far outside.
Pictures drawn_pictures(const AugmentShape& shape, Rng& random) {
  Pictures p(shape, random.below(1000));
  for (PictureChange& change : p.changes) change = drawn_change(random, shape);
  const auto last = p.changes.size() - 1;
  p.changes[last - 2].map = {};
  p.changes[last - 1].map = {.xx = -1, .x0 = static_cast<double>(shape.width - 1)};
  p.changes[last - 1].mirrored = true;
  p.changes[last].map = {.x0 = 1e6, .y0 = -1e6};
  return p;
}

// The picture's channels become the mask's classes 0, 1 and 2, each white on black.
void show_classes(Pictures& p) {
  const int64_t size = p.shape.height * p.shape.width;
  for (int64_t i = 0; i < p.shape.batch * 3 * size; ++i) {
    const int64_t sample = i / size / 3, channel = i / size % 3;
    const int64_t id = p.mask[static_cast<size_t>(sample * size + i % size)];
    p.image[static_cast<size_t>(i)] = id == channel ? 255 : 0;
  }
}

// [B,3,H',W']
std::vector<float> passed_image(const Pictures& p, const AugmentRule& rule) {
  std::vector<float> image(static_cast<size_t>(p.shape.batch * 3 * p.out_size()));
  ThreadPool pool(0);
  augment_images(
      {.shape = p.shape, .image = p.image.data(), .changes = p.changes.data(), .out_image = image.data()},
      rule, pool);
  return image;
}

// [B,3,H',W']: how much of each pixel classes 0, 1 and 2 are.
std::vector<float> class_planes(const Pictures& p, const Soft& soft) {
  const int64_t size = p.out_size();
  std::vector<float> planes(static_cast<size_t>(p.shape.batch * 3 * size));
  for (size_t i = 0; i < soft.layers.size(); ++i) {
    const int64_t id = soft.layers[i], at = static_cast<int64_t>(i), sample = at / size / kSoftLayers;
    if (id < 3) planes[static_cast<size_t>((sample * 3 + id) * size + at % size)] += soft.shares[i];
  }
  return planes;
}

const int64_t kShapes[][4] = {{1, 1, 1, 1},     {1, 1, 5, 3},     {1, 9, 4, 17},   {2, 3, 2, 3},
                              {17, 16, 17, 16}, {33, 31, 33, 31}, {20, 37, 9, 15}, {64, 48, 80, 65}};

}  // namespace

CATCH_TEST_CASE("soft masks: whatever is drawn, at any shape and border, equals the plain loop", "[unit]") {
  Rng random(15);
  for (const auto& [height, width, out_height, out_width] : kShapes)
    for (const Border border : kBorders) {
      const Pictures p = drawn_pictures({7, height, width, out_height, out_width}, random);
      CATCH_INFO(height << "x" << width << " -> " << out_height << "x" << out_width << " border "
                        << static_cast<int>(border));
      const Soft want = written_out_soft(p, rule_with(border)), got = soft_of(p, rule_with(border));
      CATCH_CHECK(got.layers == want.layers);
      CATCH_CHECK(largest_difference(got.shares, want.shares) < 1e-6);
      const Soft threaded = soft_of(p, rule_with(border), 2);
      CATCH_CHECK(threaded.layers == got.layers);
      CATCH_CHECK(threaded.shares == got.shares);
    }
}

CATCH_TEST_CASE("soft masks: without a table of mirrors no class changes", "[unit]") {
  Rng random(16);
  const Pictures p = drawn_pictures({3, 9, 8, 9, 8}, random);
  AugmentRule rule = rule_with(Border::kReflect);
  rule.class_mirror = nullptr;
  CATCH_CHECK(soft_of(p, rule).layers == written_out_soft(p, rule).layers);
}

CATCH_TEST_CASE("soft masks: a class's shares are what the image's pass makes of a picture of the class",
                "[unit]") {
  Rng random(17);
  for (const auto& [height, width, out_height, out_width] : kShapes)
    for (const Border border : kBorders) {
      Pictures p = drawn_pictures({7, height, width, out_height, out_width}, random);
      AugmentRule rule = rule_with(border);
      rule.class_mirror = nullptr;  // a channel is not renamed in a mirror
      rule.mask_fill = 2;
      for (int c = 0; c < 3; ++c) rule.fill[c] = c == rule.mask_fill ? 255 : 0;
      for (PictureChange& change : p.changes) change = {.map = change.map};
      show_classes(p);
      CATCH_INFO(height << "x" << width << " border " << static_cast<int>(border));
      CATCH_CHECK(largest_difference(passed_image(p, rule), class_planes(p, soft_of(p, rule))) < 1e-4);
    }
}
