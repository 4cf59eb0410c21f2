#include "data/images/resize.h"

#include "data/images/resize_rows.h"
#include "src/core/random.h"
#include "tests/data/images/image_files.h"

using namespace athanor;

namespace {

constexpr struct {
  int64_t width, height;
} kSizes[] = {{20, 14}, {22, 15}, {64, 47}, {45, 10}, {11, 31}, {7, 52}, {1, 1}};

constexpr struct {
  Filter filter;
  const char* name;
} kFilters[] = {
    {Filter::kNearest, "nearest"}, {Filter::kBilinear, "bilinear"}, {Filter::kBicubic, "bicubic"}};

Image noise(int64_t height, int64_t width, int64_t channels, bool hard, Rng& rng) {
  Image out = make_image(height, width, channels);
  for (uint8_t& value : out.pixels) value = static_cast<uint8_t>(hard ? 255 * rng.below(2) : rng.below(256));
  return out;
}

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

CATCH_TEST_CASE("resize: every filter gives the bytes of Pillow and of torch", "[unit][parity]") {
  const std::string folder = std::string(ATHANOR_SOURCE_DIR) + "/tests/data/images/golden/";
  const Image image = load_image(folder + "photo.png");
  for (const auto& [width, height] :
       {std::pair<int64_t, int64_t>{20, 14}, {64, 47}, {45, 10}, {11, 31}, {60, 12}, {7, 52}, {1, 1}})
    for (const auto& [filter, name] : kFilters)
      for (const auto& [like, library] :
           {std::pair{Arithmetic::kPillow, std::string("pillow")}, {Arithmetic::kTorch, "torch"}}) {
        if (like == Arithmetic::kTorch && width == 1 && height == 1) continue;  // torch 2.11 fails there
        const std::string file = "resize_" + library + "_" + name + "_" + size_name(width, height) + ".ppm";
        CATCH_CAPTURE(file);
        const Image got = resize(image, {.height = height, .width = width, .filter = filter, .like = like});
        CATCH_CHECK(largest_difference(got, load_ppm(folder + file)) == 0);
      }
}

CATCH_TEST_CASE("resize: all kernels give the same bytes on awkward shapes", "[unit]") {
  Rng rng(11);
  std::vector<std::array<int64_t, 4>> shapes = {{1, 1, 1, 1},     {1, 1, 7, 5},     {1, 50, 3, 7},
                                                {50, 1, 7, 3},    {3, 4, 9, 8},     {5, 5, 224, 224},
                                                {500, 3, 10, 3},  {9, 1200, 9, 1},  {700, 20, 31, 90},
                                                {33, 57, 33, 20}, {33, 57, 20, 57}, {90, 130, 40, 60}};
  for (int i = 0; i < 40; ++i) {
    auto& shape = shapes.emplace_back();
    for (int64_t& side : shape) side = 1 + static_cast<int64_t>(rng.below(70));
  }
  for (const auto& [height, width, to_height, to_width] : shapes)
    for (const Filter filter : {Filter::kBilinear, Filter::kBicubic})
      for (const Arithmetic like : {Arithmetic::kPillow, Arithmetic::kTorch}) {
        CATCH_CAPTURE(height, width, to_height, to_width, static_cast<int>(filter), static_cast<int>(like));
        const Image image = noise(height, width, 3, rng.below(2) == 0, rng);
        const Resize how = {.height = to_height, .width = to_width, .filter = filter, .like = like};
        const Image expected = resize_by(kResizePlain, image, how);
        for (const ResizeKernel* kernel : resize_kernels())
          CATCH_REQUIRE(resize_by(*kernel, image, how).pixels == expected.pixels);
      }
}

CATCH_TEST_CASE("resize: a large photograph shrinks alike by all kernels", "[unit]") {
  Rng rng(12);
  const Image image = noise(3000, 400, 3, false, rng);
  for (const Arithmetic like : {Arithmetic::kPillow, Arithmetic::kTorch}) {
    const Resize how = {.height = 224, .width = 224, .filter = Filter::kBicubic, .like = like};
    const Image expected = resize_by(kResizePlain, image, how);
    for (const ResizeKernel* kernel : resize_kernels())
      CATCH_CHECK(resize_by(*kernel, image, how).pixels == expected.pixels);
  }
}

CATCH_TEST_CASE("resize: a box is that part of the whole result", "[unit]") {
  Rng rng(13);
  for (int i = 0; i < 60; ++i) {
    const auto side = [&](int64_t most) {
      return 1 + static_cast<int64_t>(rng.below(static_cast<uint64_t>(most)));
    };
    const Image image = noise(side(60), side(60), rng.below(2) == 0 ? 1 : 3, false, rng);
    Resize how = {.height = side(60), .width = side(60), .filter = kFilters[i % 3].filter};
    how.like = i % 2 == 0 ? Arithmetic::kPillow : Arithmetic::kTorch;
    const Image whole = resize(image, how);
    how.box.height = side(how.height), how.box.width = side(how.width);
    how.box.top = side(how.height - how.box.height + 1) - 1;
    how.box.left = side(how.width - how.box.width + 1) - 1;
    const Image part = resize(image, how);
    CATCH_REQUIRE((part.height == how.box.height && part.width == how.box.width));
    for (int64_t y = 0; y < part.height; ++y)
      CATCH_REQUIRE(std::equal(part.at(y, 0), part.at(y, 0) + part.width * part.channels,
                               whole.at(how.box.top + y, how.box.left)));
  }
}
