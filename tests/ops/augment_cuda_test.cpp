// The GPU's arithmetic, pixel by pixel on the CPU, and the GPU itself where there is one, against the steps
// one by one.
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "src/ops/cuda/augment_cuda.h"
#include "tests/ops/augment_fixtures.h"

using namespace athanor;

namespace {

Pictures drawn_pictures(const AugmentShape& shape, uint64_t seed, bool blurred) {
  Rng random(seed);
  Pictures p(shape, seed);
  for (PictureChange& change : p.changes) {
    change = drawn_change(random, shape);
    if (!blurred) change.blur_sigma_px = 0;
  }
  return p;
}

// What the kernels of augment.cu do without blur, one pixel after the other.
Result by_pixel(const Pictures& p, const AugmentRule& rule) {
  const AugmentShape& s = p.shape;
  Result out;
  for (int64_t b = 0; b < s.batch; ++b) {
    const PixelChange change = pixel_change(p.changes[static_cast<size_t>(b)]);
    std::vector<Colour> colours;
    double grey = 0;
    for (int64_t y = 0; y < s.out_height; ++y)
      for (int64_t x = 0; x < s.out_width; ++x) {
        const PixelPlace place = place_of(change.map, x, y, s, rule.border);
        Colour colour = warped_colour(p.image.data() + b * 3 * s.height * s.width, s, place, rule);
        if (change.brightness != 1) colour = brightened(colour, change.brightness);
        grey += grey_of_colour(colour);
        colours.push_back(colour);
        out.mask.push_back(
            warped_class(p.mask.data() + b * s.height * s.width, s, place, rule, change.mirrored));
      }
    const auto mean = static_cast<float>(grey / static_cast<double>(colours.size()));
    for (Colour& colour : colours) colour = finished(colour, change, mean, rule);
    for (int c = 0; c < 3; ++c)
      for (const Colour& colour : colours) out.image.push_back(colour.rgb[c]);
  }
  return out;
}

}  // namespace

CATCH_TEST_CASE("augment on a GPU: its arithmetic, done on the CPU, equals the steps one by one", "[unit]") {
  for (const Border border : kBorders)
    for (const AugmentShape& shape : {AugmentShape{8, 40, 51, 33, 60}, AugmentShape{3, 1, 2, 4, 3}}) {
      const Pictures p = drawn_pictures(shape, 21, false);
      const AugmentRule rule = rule_with(border);
      const Result truth = written_out(p, rule), got = by_pixel(p, rule);
      CATCH_CHECK(largest_difference(got.image, truth.image) < 2e-5);
      CATCH_CHECK(got.mask == truth.mask);
    }
}

CATCH_TEST_CASE("augment on a GPU: pictures and masks are those of the steps one by one", "[gpu]") {
  std::string why_not;
  const CudaAugmentLibrary* library = find_cuda_augment(why_not);
  if (library == nullptr) {
    CATCH_WARN("skipped: no GPU, or not built with -DATHANOR_CUDA=ON: " << why_not);
    return;
  }
  for (const Border border : kBorders)
    for (const bool normalised : {false, true}) {
      const Pictures p = drawn_pictures({9, 70, 83, 90, 61}, 22, true);
      const AugmentRule rule = rule_with(border, normalised);
      const Result truth = written_out(p, rule);
      Result got{std::vector<float>(truth.image.size(), -9), std::vector<uint8_t>(truth.mask.size(), 77)};
      const char* problem = library->augment_on_host({.shape = p.shape,
                                                      .image = p.image.data(),
                                                      .mask = p.mask.data(),
                                                      .changes = p.changes.data(),
                                                      .out_image = got.image.data(),
                                                      .out_mask = got.mask.data()},
                                                     rule);
      CATCH_INFO((problem == nullptr ? "" : problem));
      CATCH_REQUIRE(problem == nullptr);
      CATCH_CHECK(largest_difference(got.image, truth.image) < 1e-4);
      CATCH_CHECK(got.mask == truth.mask);
    }
}
