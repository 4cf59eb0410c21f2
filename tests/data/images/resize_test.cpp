#include "data/images/image.h"
#include "tests/data/images/image_files.h"

using namespace athanor;

namespace {

constexpr struct {
  int64_t width, height;
} kSizes[] = {{20, 14}, {22, 15}, {64, 47}, {45, 10}, {11, 31}, {7, 52}, {1, 1}};

std::string size_name(int64_t width, int64_t height) {
  return std::to_string(width) + "x" + std::to_string(height);
}

}  // namespace

CATCH_TEST_CASE("resize: bilinear gives Pillow's bytes, larger, smaller and along one side", "[unit]") {
  const Image image = load_expected("resize.ppm"), grey = load_expected("mask_ids.pgm");
  for (const auto& [width, height] : kSizes) {
    const std::string name = size_name(width, height);
    CATCH_CAPTURE(name);
    CATCH_CHECK(largest_difference(resize_bilinear(image, height, width),
                                   load_expected("resize_bilinear_" + name + ".ppm")) == 0);
    CATCH_CHECK(largest_difference(resize_bilinear(grey, height, width),
                                   load_expected("resize_bilinear_grey_" + name + ".pgm")) == 0);
  }
}

CATCH_TEST_CASE("resize: nearest gives Pillow's ids and makes none", "[unit]") {
  const Image mask = load_expected("mask_ids.pgm");
  for (const auto& [width, height] : kSizes) {
    const std::string name = size_name(width, height);
    CATCH_CAPTURE(name);
    CATCH_CHECK(largest_difference(resize_nearest(mask, height, width),
                                   load_expected("resize_nearest_" + name + ".pgm")) == 0);
  }
}

CATCH_TEST_CASE("resize: the same size changes nothing", "[unit]") {
  const Image image = load_expected("resize.ppm");
  CATCH_CHECK(largest_difference(resize_bilinear(image, image.height, image.width), image) == 0);
  CATCH_CHECK(largest_difference(resize_nearest(image, image.height, image.width), image) == 0);
}

CATCH_TEST_CASE("resize: an even image stays even at any size", "[unit]") {
  for (const int value : {0, 1, 127, 254, 255}) {
    Image image = make_image(37, 61, 3);
    std::fill(image.pixels.begin(), image.pixels.end(), static_cast<uint8_t>(value));
    for (const int64_t side : {1, 2, 5, 36, 37, 38, 200}) {
      const Image out = resize_bilinear(image, side, side);
      CATCH_REQUIRE(out.pixels.size() == static_cast<size_t>(3 * side * side));
      CATCH_CHECK(std::all_of(out.pixels.begin(), out.pixels.end(), [&](int v) { return v == value; }));
    }
  }
}

CATCH_TEST_CASE("resize: images and masks keep their places", "[unit]") {
  // A bright square, and the same square in the mask: both meet again wherever they are resized to.
  Image image = make_image(60, 90, 3), mask = make_image(60, 90, 1);
  for (int64_t y = 20; y < 50; ++y)
    for (int64_t x = 40; x < 80; ++x) {
      std::fill_n(image.at(y, x), 3, uint8_t{255});
      *mask.at(y, x) = 1;
    }
  for (const auto& [width, height] : {std::pair<int64_t, int64_t>{45, 30}, {128, 100}, {90, 17}}) {
    const Image small = resize_bilinear(image, height, width), ids = resize_nearest(mask, height, width);
    int64_t inside = 0;
    for (int64_t y = 0; y < height; ++y)
      for (int64_t x = 0; x < width; ++x) {
        const int value = *small.at(y, x);
        inside += *ids.at(y, x);
        if (value > 135) CATCH_REQUIRE(*ids.at(y, x) == 1);
        if (value < 60) CATCH_REQUIRE(*ids.at(y, x) == 0);
      }
    CATCH_CHECK(inside > 0);
  }
}
